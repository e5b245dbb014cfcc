//! Work that takes a while: what can be asked for, the queue, and the processes that do it.

mod generate;
mod limits;
mod order;
mod outputs;
mod predictions;
mod process;
mod queue;
mod recommend;
mod request;
mod work;

pub(crate) use generate::{GenerateRequest, ScenarioInfo, ShapeInfo, moment_ns, scenarios, shapes};
pub(crate) use order::{Input, Work};
pub(crate) use outputs::PLOTS;
pub(crate) use process::{Ended, run_order};
pub use process::{Workers, worker_main};
pub(crate) use queue::{MOST_ATTEMPTS, Progress, Queue, order_of};
pub(crate) use recommend::{Recommendation, recommendations};
pub(crate) use request::{FitRequest, JobRequest, ReadRequest, RuleRequest};
