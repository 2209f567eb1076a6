//! Native histograms as Prometheus takes them by remote write: what its OTLP receiver makes of exponential ones.

use prost::Message;

use super::nodes::{Distribution, SICK, distributions};

/// Longest literal of a block of Snappy that is written here.
const LITERAL: usize = 1 << 16;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(message, repeated, tag = "11")]
    spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// A compressed request for each distribution of the sick node.
pub(super) fn requests() -> Vec<Vec<u8>> {
    let series = distributions().into_iter().map(|Distribution { name, attributes, points }| {
        let mut labels: Vec<(String, String)> =
            attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        labels.extend([
            ("__name__".to_owned(), name),
            ("host_id".to_owned(), SICK.to_owned()),
            ("host_name".to_owned(), "sick.example".to_owned()),
            ("portreeve_node_name".to_owned(), "sick".to_owned()),
        ]);
        labels.sort();
        let histograms = points.into_iter().map(|point| {
            let positive = point.positive.unwrap();
            let mut before = 0;
            let mut delta = |count: u64| {
                let count = i64::try_from(count).unwrap();
                let delta = count - before;
                before = count;
                delta
            };
            Histogram {
                count: point.count,
                sum: point.sum.unwrap(),
                schema: point.scale,
                // Prometheus counts buckets by their upper bound, OpenTelemetry by the lower one.
                spans: vec![Span {
                    offset: positive.offset + 1,
                    length: u32::try_from(positive.bucket_counts.len()).unwrap(),
                }],
                deltas: positive.bucket_counts.iter().map(|count| delta(*count)).collect(),
                timestamp: i64::try_from(point.time_unix_nano / 1_000_000).unwrap(),
            }
        });
        let labels = labels.into_iter().map(|(name, value)| Label { name, value }).collect();
        TimeSeries { labels, histograms: histograms.collect() }
    });
    series.map(|series| snappy(&WriteRequest { timeseries: vec![series] }.encode_to_vec())).collect()
}

/// A block of Snappy that holds the bytes as they are.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    prost::encoding::encode_varint(bytes.len() as u64, &mut block);
    for literal in bytes.chunks(LITERAL) {
        block.push(61 << 2);
        block.extend(u16::try_from(literal.len() - 1).unwrap().to_le_bytes());
        block.extend(literal);
    }
    block
}
