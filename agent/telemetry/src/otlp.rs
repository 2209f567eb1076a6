//! Messages of the OpenTelemetry protocol, version 1 (<https://opentelemetry.io/docs/specs/otlp/>), as the agent writes and the
//! endpoint reads them. Everybody takes them from here: the crate that defines them changes its interface with each release.

pub use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
pub use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
pub use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
pub use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
pub use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, exponential_histogram_data_point, metric, number_data_point,
};
pub use opentelemetry_proto::tonic::resource::v1::Resource;
pub use prost::Message;

/// Path to which metrics are posted, below the endpoint's URL.
pub const METRICS_PATH: &str = "/v1/metrics";
/// Path to which logs are posted.
pub const LOGS_PATH: &str = "/v1/logs";
/// Media type of the binary form.
pub const PROTOBUF: &str = "application/x-protobuf";

/// Attributes of a resource, by OpenTelemetry's semantic conventions where they have a name for it.
pub mod resource {
    /// Always [`SERVICE`].
    pub const SERVICE_NAME: &str = "service.name";
    /// The value of [`SERVICE_NAME`].
    pub const SERVICE: &str = "portreeve";
    /// Version of the agent.
    pub const SERVICE_VERSION: &str = "service.version";
    /// The node's identity: the name by which an endpoint knows it.
    pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
    /// The same as [`SERVICE_INSTANCE_ID`].
    pub const HOST_ID: &str = "host.id";
    /// The node's host name.
    pub const HOST_NAME: &str = "host.name";
    /// Architecture: `arm64`.
    pub const HOST_ARCH: &str = "host.arch";
    /// `darwin`, `linux`.
    pub const OS_TYPE: &str = "os.type";
    /// `macOS`, `Linux`.
    pub const OS_NAME: &str = "os.name";
    /// `26.1`.
    pub const OS_VERSION: &str = "os.version";
    /// `25B78`.
    pub const OS_BUILD_ID: &str = "os.build_id";
    /// The name that an operator gave the node.
    pub const NODE_NAME: &str = "portreeve.node.name";
}
