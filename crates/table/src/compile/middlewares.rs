//! Middlewares, alone and in rows.

use std::sync::Arc;

use pointsman_config::dynamic::Middleware;
use pointsman_config::names::QualifiedName;
use pointsman_message::Step;
use pointsman_middleware::BuildContext;

use super::Compiler;
use super::graph::Node;
use crate::build::Calls;
use crate::runtime::{RuntimeMiddleware, Status};

impl Compiler {
    pub(super) fn show_middleware(&mut self, name: QualifiedName) {
        let Some(config) = self.merged.middlewares.find(&name).cloned() else {
            Arc::make_mut(&mut self.runtime.middlewares).remove(&name);
            return;
        };
        let errors: Vec<String> = self.middleware(&name).err().into_iter().collect();
        let status = if errors.is_empty() {
            Status::Enabled
        } else {
            Status::Disabled
        };
        let shown = Arc::new(RuntimeMiddleware {
            config,
            status,
            errors,
        });
        Arc::make_mut(&mut self.runtime.middlewares).insert(name, shown);
    }

    pub(super) fn middleware(&mut self, name: &QualifiedName) -> Result<Arc<[Step]>, String> {
        if let Some(known) = self.middlewares.get(name) {
            return known.clone();
        }
        // A chain that comes back to itself finds this and fails.
        self.middlewares.insert(
            name.clone(),
            Err(format!("middleware {:?} contains itself", name.as_str())),
        );
        let built = self.build_middleware(name);
        self.middlewares.insert(name.clone(), built.clone());
        built
    }

    pub(super) fn build_middleware(&mut self, name: &QualifiedName) -> Result<Arc<[Step]>, String> {
        let data = self
            .merged
            .middlewares
            .find(name)
            .cloned()
            .ok_or_else(|| format!("middleware {:?} does not exist", name.as_str()))?;
        if let Middleware::Chain(chain) = &*data {
            let names: Vec<_> = chain
                .middlewares
                .iter()
                .map(|member| QualifiedName::resolve(member, name.provider()))
                .collect();
            return Ok(self.steps(&Node::Middleware(name.clone()), &names)?.into());
        }
        let calls = Calls {
            known: &self.calls,
            read_file: &*self.env.read_file,
        };
        let context = BuildContext {
            name,
            calls: &calls,
            read_file: &*self.env.read_file,
            hashing: &self.env.hashing,
        };
        let step =
            pointsman_middleware::build(&data, &context).map_err(|error| error.to_string())?;
        Ok(Arc::from([step]))
    }

    /// The steps of several middlewares in a row, for `owner`.
    pub(super) fn steps(
        &mut self,
        owner: &Node,
        names: &[QualifiedName],
    ) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        let mut failed = None;
        for name in names {
            self.graph.add(owner, Node::Middleware(name.clone()));
            match self.middleware(name) {
                Ok(more) => steps.extend(more.iter().cloned()),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(steps), Err)
    }
}
