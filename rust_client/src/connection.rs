//! Owns the calls to one daemon: the channel, the token, and a deadline for each.

use std::io::ErrorKind;
use std::time::Duration;

use prost::bytes::Bytes;
use tonic::codegen::tokio_stream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::endpoint::{Endpoint, uri};
use crate::wire;
use crate::wire::ingest_service_client::IngestServiceClient;
use crate::wire::run_service_client::RunServiceClient;

/// Of every call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A large object gets a second more for each so many bytes.
const OBJECT_BYTES_PER_SECOND: usize = 1 << 20;
/// The daemon's limit of a chunk of an object.
const CHUNK_BYTES: usize = 1 << 20;
/// The daemon's limit of an answer: it holds the whole run.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A channel to one daemon.
pub(crate) struct Connection {
    runs: RunServiceClient<Channel>,
    ingest: IngestServiceClient<Channel>,
    authorization: String,
}

/// Why there is no channel.
pub(crate) struct NotConnected {
    pub reason: String,
    /// Whether nothing listens there: the daemon has ended.
    pub is_gone: bool,
}

impl Connection {
    pub async fn open(endpoint: &Endpoint) -> Result<Self, NotConnected> {
        let unusable = |error: tonic::transport::Error| {
            let mut deepest: &(dyn std::error::Error + 'static) = &error;
            while let Some(next) = deepest.source() {
                deepest = next;
            }
            let kind = deepest.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            NotConnected {
                reason: format!("{}: {deepest}", endpoint.grpc_address),
                is_gone: matches!(kind, Some(ErrorKind::ConnectionRefused | ErrorKind::NotFound)),
            }
        };
        let address = tonic::transport::Endpoint::from_shared(uri(&endpoint.grpc_address)).map_err(unusable)?;
        let channel = address.connect_timeout(CALL_TIMEOUT).connect().await.map_err(unusable)?;
        Ok(Self {
            runs: RunServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX),
            ingest: IngestServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX),
            authorization: format!("Bearer {}", endpoint.token),
        })
    }

    pub async fn get_daemon(&mut self) -> Result<wire::GetDaemonResponse, Status> {
        let request = self.request(wire::GetDaemonRequest { client_version: crate::VERSION.into() }, CALL_TIMEOUT)?;
        within(CALL_TIMEOUT, self.runs.get_daemon(request)).await
    }

    pub async fn create_run(&mut self, begin: wire::WriterBegin) -> Result<wire::CreateRunResponse, Status> {
        let request = self.request(wire::CreateRunRequest { begin: Some(begin) }, CALL_TIMEOUT)?;
        within(CALL_TIMEOUT, self.runs.create_run(request)).await
    }

    pub async fn finish_run(&mut self, finish: wire::FinishRunRequest) -> Result<wire::FinishRunResponse, Status> {
        let request = self.request(finish, CALL_TIMEOUT)?;
        within(CALL_TIMEOUT, self.runs.finish_run(request)).await
    }

    pub async fn append(&mut self, append: wire::AppendRequest) -> Result<wire::AppendResponse, Status> {
        let request = self.request(append, CALL_TIMEOUT)?;
        within(CALL_TIMEOUT, self.ingest.append(request)).await
    }

    /// Stores an object; returns its sha256.
    pub async fn put_object(&mut self, bytes: &Bytes) -> Result<String, Status> {
        let chunks: Vec<_> = (0..bytes.len())
            .step_by(CHUNK_BYTES)
            .map(|begin| wire::PutObjectRequest { chunk: bytes.slice(begin..bytes.len().min(begin + CHUNK_BYTES)) })
            .collect();
        let timeout = CALL_TIMEOUT + Duration::from_secs((bytes.len() / OBJECT_BYTES_PER_SECOND) as u64);
        let request = self.request(tokio_stream::iter(chunks), timeout)?;
        within(timeout, self.ingest.put_object(request)).await.map(|answer| answer.sha256)
    }

    fn request<T>(&self, message: T, timeout: Duration) -> Result<Request<T>, Status> {
        let mut request = Request::new(message);
        // So that the daemon gives up too.
        request.set_timeout(timeout);
        let value = self.authorization.parse().map_err(|_| Status::unauthenticated("the token is no text of ASCII"))?;
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

async fn within<T>(timeout: Duration, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    match tokio::time::timeout(timeout, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!("the daemon has not answered within {} s", timeout.as_secs()))),
    }
}
