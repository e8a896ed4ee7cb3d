// Writes go_regex.tsv: what Go's regexp makes of patterns, inputs and templates.
//
//	go run go_regex.go > go_regex.tsv
//
// Every field is quoted by strconv.Quote; fields are separated by tabs.
//
//	bad      pattern
//	match    pattern input yes|no
//	replace  pattern input template result
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"
	"regexp"
	"strconv"
	"strings"
)

var patterns = []string{
	``, `a`, `abc`, `^abc$`, `^abc`, `abc$`, `a|b`, `a||b`, `|`, `^$`, `^*`, `$?`, `(|a)*`, `(a|b)*c`,
	`\d+`, `\D+`, `^\d+$`, `\w+`, `^\w+$`, `\W`, `\s`, `\S`, `^\s$`, `[\s]`, `[^\s]`, `[\d\-z]`, `[\w.]+`, `[^\W]`, `[\D]`,
	`(?i)\w`, `(?i)^\w$`, `(?i)^\W$`, `(?i)^[\W]$`, `(?i)k`, `(?i)s`, `(?i)^[a-z]+$`, `(?i)straße`, `(?i)é`, `(?i)ſ`, `(?i)σ`,
	`(?i)[^x]`, `(?i)^[^k]$`, `(?i)[[:lower:]]`, `(?i)\p{Lu}`, `(?i)^\P{Lu}$`,
	`\b`, `\bfoo\b`, `\Bfoo`, `foo\B`, `\B`, `^\B`, `é\b`, `\bé`, `\Bé`, `é\B`,
	`\A`, `\z`, `\Aabc\z`, `\Z`, `\G`, `\C`, `\X`, `\R`, `\h`, `\N`, `\K`,
	`\Qa.b\E`, `\Qa.b`, `\Qab\E+`, `a\Q\E+`, `a*\Q\E?`, `a+\Q\E*b`, `|\Q\E*`, `\Q\E`, `\E`, `\Q\\E`, `\Q[\E]`,
	`.`, `^.$`, `(?s).`, `(?s)^.$`, `a.c`, `(?s:a.c)`, `(?-s)a.c`, `.*`, `^.*$`, `(?m)^b$`, `(?m)^`, `(?m)$`, `(?m)a$`, `a$`, `a\n$`,
	`a*`, `a+`, `a?`, `a*?`, `a+?`, `a??`, `a**`, `a*+`, `a+*`, `a?+`, `a??*`, `*a`, `+`, `?`, `(*)`, `(+a)`, `a|*`, `(|*)`, `a(?:)*`, `()+`, `(?:)+`,
	`a{2}`, `a{2,}`, `a{2,3}`, `a{0}`, `a{0,}`, `a{,2}`, `a{`, `a{1`, `a{1,`, `a{1,2`, `a{}`, `a{a}`, `a{2}{3}`, `a{2}*`, `a{3,2}`, `a{1000}`, `a{1001}`,
	`a{1,1001}`, `a{02}`, `{2}`, `{`, `{a}`, `}`, `a}`, `(a{100}){10}`, `(a{100}){11}`, `(a{10}){10}{2}`, `((a{10}){10}){10}`, `((a{10}){10}){11}`, `(a{1,500}){2}`, `(a{501}){2}`,
	`(a{2,}){500}`, `(a{2,}){501}`, `(a{0}){1000}`, `a{99999999999}`, `a{2}?`, `a{2,3}?`, `(a*){1000}`, `((a{1000})*){2}`,
	`(a)`, `(?:a)`, `(?P<n>a)`, `(?<n>a)`, `(?P<1>a)`, `(?<1a>a)`, `(?P<n>a)(?P<n>b)`, `(?P<n>a)(?<n>b)`, `(?P<>a)`, `(?P<n-m>a)`, `(?P<né>a)`, `(?P<n`, `(?P<n>`, `(?<n`, `(?P=n)`, `(?P>n)`, `(?Pn)`,
	`(?=a)`, `(?!a)`, `(?<=a)`, `(?<!a)`, `(?>a)`, `(?#c)`, `(?|a)`, `(?&n)`, `(?R)`, `\1`, `(a)\1`, `\8`, `\9`, `\0`, `\00`, `\012`, `\12`, `\101`, `\377`, `\400`, `\777`, `\k<n>`, `\g1`,
	`(?P<n>a)|(?P<n>b)`, `a(?i)*b`, `a(?i)(?s)*b`, `a*(?i)*b`, `a+(?s)?`, `(?i)*`, `(?i)abc`, `(?i:abc)`, `a(?i)b|c`, `(a(?i)b)c`, `(?i)a(?-i)b`, `(?-i)`, `(?)`, `(?:)`, `(?i-)`, `(?-)`, `(?--i)`, `(?ii)a`, `(?i-i)a`, `(?im-s)a`, `(?U)a*`, `(?U)a*?`, `(?x)a b`, `(?u)a`, `(?i`, `(?i:`, `(?`, `(`, `)`, `())`, `(()`, `(a|b`, `a)`, `(?s)(?i)A.B`, `(?iU)A+`,
	`[a]`, `[^a]`, `[a-c]`, `[c-a]`, `[]`, `[]a]`, `[^]a]`, `[^]`, `[a`, `[a-`, `[a-]`, `[-a]`, `[a-c-e]`, `[--/]`, `[a-\d]`, `[\d-z]`, `[a\]b]`, `[\\]`, `[[]`, `[[a]]`, `[a&&b]`, `[a--b]`, `[a~~b]`, `[#-%]`, `[ -~]`, `[^\x00-\x{10FFFF}]`, `[\x00-\x{10FFFF}]`, `[^\n]`, `[.]`, `[$^]`, `[*+?]`, `[(|)]`, `[\b]`, `[\z]`, `[\Qa\E]`, `[\n-\r]`, `[\x41-\x43]`, `[\101-\103]`, `[é-ü]`, `[α-ω]+`,
	`[[:alpha:]]`, `[[:^alpha:]]`, `[[:word:]]+`, `[[:space:]]`, `[[:punct:]]`, `[[:digit:][:space:]]`, `[[:foo:]]`, `[[:alpha]]`, `[[:alpha:`, `[:alpha:]`, `[[:ascii:]]`, `[[:^ascii:]]`, `[[:graph:]]`, `[[:print:]]`, `[[:cntrl:]]`, `[[:blank:]]`, `[[:xdigit:]]+`, `[[:upper:]]`, `[[:lower:]]`, `[[:alnum:]]`,
	`\pL`, `\PL`, `\p{L}`, `\p{^L}`, `\P{^L}`, `\p{Lu}`, `\p{Greek}`, `\p{Latin}+`, `[\p{Greek}a]`, `[^\p{L}]`, `\p{Foo}`, `\p{`, `\p`, `\p{}`, `\p{L`, `\pX`, `\p{Nd}`, `\p{Han}`, `\p{Any}`, `\pN`, `\pZ`, `\p{Sc=Greek}`,
	`\x41`, `\x{41}`, `\x{e9}`, `\x{110000}`, `\x4`, `\x`, `\x{}`, `\x{`, `\xg1`, `\a\f\t\n\r\v`, `\t`, `\.`, `\/`, `\-`, `\_`, `\ `, `\#`, `\é`, `\e`, `\i`, `\"`, `\<`, `\>`, `\&`, `\~`, `\%`, `\`, `a\`, `\@`, `\:`,
	`^/api/(?P<v>v[0-9]+)/(.*)$`, `^[a-zA-Z0-9-]+\.example\.com$`, `^https?://([^/]+)/(.*)`, `(foo|foobar)$`, `^/(en|de)/`, `(?i)^/api`, `^(?:www\.)?(.+)$`, `.+\.(js|css|png)$`, `^/foo/([^/]*)/bar(/.*)?$`,
	`x*`, `(a*)*`, `(a+)+b`, `(a|aa)+$`, `(.)(.)(.)`, `(?:(a)|b)*`, `(a)|(b)`, `^(.*?),(.*)$`, `世`, `[世-界]+`, `é+`, `^.{3}$`,
}

var inputs = []string{
	``, `a`, `b`, `ab`, `abc`, `aaa`, `baaac`, `a.b`, `a b`, `a-b`, `_`, `9`, `٣`, "\n", "a\n", "a\nb", "a\nb\nc", "\v", "\t", " ", `foo`, `foobar`, `barfoo`, `foo bar`,
	`é`, `É`, `aéb`, `世界`, "\u212a", "\u017f", `K`, `s`, `σ`, `ς`, `STRASSE`, `straße`, `{`, `}`, `{2}`, `a{`, `a{,2}`, `[`, `]`, `\`, `-`, `^`, `$`, `.`, `#`, `A`, `B`, `Z`, `&`, `~`, `:`, `%`,
	`/api/v1/users/42`, `/API/x`, `www.example.com`, `a.b.example.com`, `https://example.com/path?q=1`, `/foo/1/bar/baz`, `/en/x.js`, "\x00", "\x7f", "a,b,c", `aab`, `\E`, "\u00a0", "\u2028", "ΑΒΓ",
}

var templates = []string{
	`-`, ``, `$0`, `$1`, `${1}`, `$1x`, `${1}x`, `$2$1`, `$$`, `$`, `$$1`, `${`, `${}`, `${1`, `$n`, `${n}`, `$v/$2`, `$10`, `$01`, `${é}`, `$1é`, `${v}_${1}`, `$_`, `a$`, `$-`, `$999999999999`, `\1`, `&`,
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	line := func(kind string, fields ...string) {
		quoted := []string{kind}
		for _, field := range fields {
			quoted = append(quoted, strconv.Quote(field))
		}
		fmt.Fprintln(out, strings.Join(quoted, "\t"))
	}
	r := rand.New(rand.NewSource(1))
	check := func(pattern string, all bool) {
		re, err := regexp.Compile(pattern)
		if err != nil {
			line("bad", pattern)
			return
		}
		for _, input := range inputs {
			if !all && r.Intn(8) > 0 {
				continue
			}
			answer := "no"
			if re.MatchString(input) {
				answer = "yes"
			}
			line("match", pattern, input, answer)
			if re.MatchString(input) && r.Intn(4) == 0 {
				template := templates[r.Intn(len(templates))]
				line("replace", pattern, input, template, re.ReplaceAllString(input, template))
			}
		}
	}
	for _, pattern := range patterns {
		check(pattern, false)
	}
	// Words of the syntax in random order: most mistakes and many odd but legal patterns.
	words := []string{"a", "b", "é", "k", ".", "^", "$", "|", "(", ")", "(?:", "(?i)", "(?P<n>", "(?s:", "[", "]", "[^", "-", "*", "+", "?", "{2}", "{1,}", "{", "}", `\d`, `\w`, `\s`, `\b`, `\B`, `\Q`, `\E`, `\pL`, `\x41`, `\.`, "[[:alpha:]]", "[a-c]", "(a|b)", "/", "1"}
	for i := 0; i < 1500; i++ {
		var b strings.Builder
		for n := 1 + r.Intn(7); n > 0; n-- {
			b.WriteString(words[r.Intn(len(words))])
		}
		check(b.String(), false)
	}
}
