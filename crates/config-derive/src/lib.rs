//! `#[derive(Options)]`: everything a configuration type needs, from its one declaration.
//!
//! The declaration of a struct or enum in `pointsman-config` is the only place where an option's name, type, default
//! and documentation stand. From it this macro derives
//!
//! - `Default` (structs): each field's `default = …`, else the default of its type;
//! - `Decode`: reads the type from a `Node` and collects every mistake;
//! - `Serialize`: Traefik's JSON, without the options that are empty;
//! - the `Shape` behind `--help`, the reference pages and the JSON schema; doc comments are the options' texts.
//!
//! Names are camelCase of the field, for unit variants the lower-cased identifier. Attributes, all in `#[option(…)]`:
//!
//! | On | Attribute | Effect |
//! |---|---|---|
//! | field, variant | `name = "rootCAs"` | the name where the rule above does not give it |
//! | field | `default = EXPR` | default value |
//! | field | `keep` | serialise it also when empty |
//! | field | `flatten` | the options of the field's type stand among those of this struct |
//! | field | `skip` | not an option: neither read nor written nor documented |
//! | field | `objects = "router"` | a map or list of objects: a mistake in one removes only that one |
//! | unit enum | `ignore_case` | values in any case |
//!
//! A struct becomes a section of options, a unit enum a choice of words, an enum of tuple variants a section of which
//! exactly one option must be set (`Middleware`, `ServiceKind`).

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Expr, ExprLit, Fields, Ident, Lit, LitStr, Meta, Type,
};

/// See the crate's documentation.
#[proc_macro_derive(Options, attributes(option))]
pub fn derive_options(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            &input.generics,
            "generic types cannot be configuration",
        ));
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                let fields = fields
                    .named
                    .iter()
                    .map(Field::read)
                    .collect::<syn::Result<Vec<_>>>()?;
                expand_section(input, &fields)
            }
            other => Err(syn::Error::new_spanned(
                other,
                "a section needs named fields",
            )),
        },
        Data::Enum(data)
            if data
                .variants
                .iter()
                .all(|variant| variant.fields.is_empty()) =>
        {
            expand_words(input, data)
        }
        Data::Enum(data) => expand_kinds(input, data),
        Data::Union(data) => Err(syn::Error::new_spanned(
            data.union_token,
            "a union cannot be configuration",
        )),
    }
}

/// A struct: a section of options.
fn expand_section(input: &DeriveInput, fields: &[Field<'_>]) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let section_doc = doc(&input.attrs);
    let section_name = ident.to_string();

    let defaults = fields.iter().map(|field| {
        let (ident, default) = (field.ident, &field.options.default);
        match default {
            Some(expr) => quote!(#ident: #expr),
            None => quote!(#ident: ::core::default::Default::default()),
        }
    });

    let mut flat = fields.iter().filter(|field| field.options.flatten);
    let flattened = flat.next();
    if let Some(second) = flat.next() {
        return Err(syn::Error::new_spanned(
            second.ident,
            "only one field can be flattened",
        ));
    }
    let plain: Vec<_> = fields
        .iter()
        .filter(|field| !field.options.flatten && !field.options.skip)
        .collect();
    let names: Vec<_> = plain.iter().map(|field| &field.name).collect();

    let arms = plain.iter().enumerate().map(|(index, field)| {
        let ident = field.ident;
        match &field.options.objects {
            Some(kind) => quote!(#index => decode::Objects::decode_objects(&mut value.#ident, #kind, node, cx)),
            None => quote!(#index => decode::assign(&mut value.#ident, node, cx)),
        }
    });
    let read = quote! {
        &[#(#names),*],
        &mut |index: usize, node: &decode::Node, cx: &mut decode::Context| match index {
            #(#arms,)*
            _ => {}
        }
    };
    let read = match flattened {
        None => quote!(decode::section(node, cx, #read)?;),
        Some(field) => {
            let ident = field.ident;
            quote! {
                let rest = decode::section_with_rest(node, cx, #read)?;
                cx.beside(&[#(#names),*], |cx| decode::assign(&mut value.#ident, &rest, cx));
            }
        }
    };

    let written = fields
        .iter()
        .filter(|field| !field.options.skip)
        .map(|field| {
            let (ident, name) = (field.ident, &field.name);
            if field.options.flatten {
                quote!(decode::flatten::<_, S::Error>(&mut map, &self.#ident)?;)
            } else if field.options.keep {
                quote!(map.insert(#name.to_owned(), decode::json::<_, S::Error>(&self.#ident)?);)
            } else {
                quote!(decode::insert_unless_empty::<_, S::Error>(&mut map, #name, &self.#ident)?;)
            }
        });

    let described = fields.iter().filter(|field| !field.options.skip).map(|field| {
        let (ident, name, ty, doc) = (field.ident, &field.name, field.ty, &field.doc);
        if field.options.flatten {
            quote!(options.extend(<#ty as decode::Decode>::shape().into_options());)
        } else {
            quote! {
                options.push(decode::OptionDoc {
                    name: #name,
                    doc: #doc,
                    shape: <#ty as decode::Decode>::shape(),
                    default: decode::json::<_, decode::JsonError>(&defaults.#ident).unwrap_or_default(),
                });
            }
        }
    });

    Ok(quote! {
        const _: () = {
            use ::pointsman_config::decode;

            #[automatically_derived]
            impl ::core::default::Default for #ident {
                fn default() -> Self {
                    Self { #(#defaults),* }
                }
            }

            #[automatically_derived]
            impl decode::Decode for #ident {
                const SECTION: bool = true;

                #[allow(unused_mut, reason = "a section without options changes nothing")]
                fn decode(node: &decode::Node, cx: &mut decode::Context) -> ::core::option::Option<Self> {
                    let mut value = <Self as ::core::default::Default>::default();
                    #read
                    ::core::option::Option::Some(value)
                }

                #[allow(unused_mut, unused_variables, reason = "a section without options describes nothing")]
                fn shape() -> decode::Shape {
                    let defaults = <Self as ::core::default::Default>::default();
                    let mut options = ::std::vec::Vec::new();
                    #(#described)*
                    decode::Shape::Section(decode::Section { name: #section_name, doc: #section_doc, options })
                }
            }

            #[automatically_derived]
            impl decode::Serialize for #ident {
                #[allow(unused_mut, reason = "a section without options writes nothing")]
                fn serialize<S: decode::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    let mut map = decode::JsonMap::new();
                    #(#written)*
                    decode::Serialize::serialize(&map, serializer)
                }
            }
        };
    })
}

/// An enum of unit variants: a choice of words.
fn expand_words(input: &DeriveInput, data: &DataEnum) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let ignore_case = OptionAttributes::read(&input.attrs)?.ignore_case;
    let mut names = Vec::new();
    let mut docs = Vec::new();
    let mut variants = Vec::new();
    for variant in &data.variants {
        let name = OptionAttributes::read(&variant.attrs)?.name;
        names.push(name.unwrap_or_else(|| variant.ident.to_string().to_lowercase()));
        docs.push(doc(&variant.attrs));
        variants.push(&variant.ident);
    }
    let indices = 0..variants.len();
    Ok(quote! {
        const _: () = {
            use ::pointsman_config::decode;

            #[automatically_derived]
            impl decode::Decode for #ident {
                fn decode(node: &decode::Node, cx: &mut decode::Context) -> ::core::option::Option<Self> {
                    match decode::word(node, cx, &[#(#names),*], #ignore_case)? {
                        #(#indices => ::core::option::Option::Some(Self::#variants),)*
                        _ => ::core::option::Option::None,
                    }
                }

                fn shape() -> decode::Shape {
                    decode::Shape::Word(::std::vec![#(decode::Word { name: #names, doc: #docs }),*])
                }
            }

            #[automatically_derived]
            impl decode::Serialize for #ident {
                fn serialize<S: decode::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    serializer.serialize_str(match self {
                        #(Self::#variants => #names,)*
                    })
                }
            }
        };
    })
}

/// An enum of tuple variants: a section of which exactly one option must be set.
fn expand_kinds(input: &DeriveInput, data: &DataEnum) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let section_doc = doc(&input.attrs);
    let section_name = ident.to_string();
    let mut names = Vec::new();
    let mut arms = Vec::new();
    let mut written = Vec::new();
    let mut described = Vec::new();
    for variant in &data.variants {
        let attributes = OptionAttributes::read(&variant.attrs)?;
        let (variant_ident, doc) = (&variant.ident, doc(&variant.attrs));
        let ty = match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => &fields.unnamed[0].ty,
            other => {
                return Err(syn::Error::new_spanned(
                    other,
                    "a kind needs exactly one unnamed field",
                ));
            }
        };
        let name = attributes
            .name
            .unwrap_or_else(|| lower_first(&variant.ident.to_string()));
        let index = names.len();
        arms.push(
            quote!(#index => <#ty as decode::Decode>::decode(node, cx).map(Self::#variant_ident)),
        );
        written.push(
            quote!(Self::#variant_ident(value) => (#name, decode::json::<_, S::Error>(value)?)),
        );
        described.push(quote! {
            decode::OptionDoc {
                name: #name,
                doc: #doc,
                shape: decode::Shape::Optional(::std::boxed::Box::new(<#ty as decode::Decode>::shape())),
                default: ::core::default::Default::default(),
            }
        });
        names.push(name);
    }
    Ok(quote! {
        const _: () = {
            use ::pointsman_config::decode;

            #[automatically_derived]
            impl decode::Decode for #ident {
                const SECTION: bool = true;

                fn decode(node: &decode::Node, cx: &mut decode::Context) -> ::core::option::Option<Self> {
                    decode::one_kind(node, cx, &[#(#names),*], &mut |index, node, cx| match index {
                        #(#arms,)*
                        _ => ::core::option::Option::None,
                    })
                }

                fn shape() -> decode::Shape {
                    decode::Shape::Kinds(decode::Section {
                        name: #section_name,
                        doc: #section_doc,
                        options: ::std::vec![#(#described),*],
                    })
                }
            }

            #[automatically_derived]
            impl decode::Serialize for #ident {
                fn serialize<S: decode::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    let (name, value): (&str, decode::Json) = match self {
                        #(#written,)*
                    };
                    decode::serialize_kind(name, &value, serializer)
                }
            }
        };
    })
}

/// A field of a section.
struct Field<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    name: String,
    doc: String,
    options: OptionAttributes,
}

impl<'a> Field<'a> {
    fn read(field: &'a syn::Field) -> syn::Result<Self> {
        let ident = field
            .ident
            .as_ref()
            .ok_or_else(|| syn::Error::new_spanned(field, "a section needs named fields"))?;
        let options = OptionAttributes::read(&field.attrs)?;
        let name = options
            .name
            .clone()
            .unwrap_or_else(|| camel_case(&ident.to_string()));
        Ok(Self {
            ident,
            ty: &field.ty,
            name,
            doc: doc(&field.attrs),
            options,
        })
    }
}

/// What `#[option(…)]` says.
#[derive(Default)]
struct OptionAttributes {
    name: Option<String>,
    default: Option<Expr>,
    objects: Option<String>,
    keep: bool,
    flatten: bool,
    skip: bool,
    ignore_case: bool,
}

impl OptionAttributes {
    fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut options = Self::default();
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("option"))
        {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    options.name = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("default") {
                    options.default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("objects") {
                    options.objects = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("keep") {
                    options.keep = true;
                } else if meta.path.is_ident("flatten") {
                    options.flatten = true;
                } else if meta.path.is_ident("skip") {
                    options.skip = true;
                } else if meta.path.is_ident("ignore_case") {
                    options.ignore_case = true;
                } else {
                    return Err(meta.error("unknown attribute of `option`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// The doc comment as one paragraph per blank-line-separated block.
fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes {
        let Meta::NameValue(meta) = &attribute.meta else {
            continue;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(line),
            ..
        }) = &meta.value
        else {
            continue;
        };
        if !meta.path.is_ident("doc") {
            continue;
        }
        let line = line.value();
        let line = line.trim();
        if line.is_empty() {
            text.push_str("\n\n");
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push(' ');
            }
            text.push_str(line);
        }
    }
    text.trim_end().to_owned()
}

fn camel_case(snake: &str) -> String {
    let mut camel = String::new();
    let mut upper = false;
    for c in snake.trim_start_matches("r#").chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            camel.extend(c.to_uppercase());
            upper = false;
        } else {
            camel.push(c);
        }
    }
    camel
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}
