//! Owns the fake daemon: it keeps what it is sent, by the rules of the contract, and fails as it is told.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use prost::Message as _;
use prost::bytes::Bytes;
use tokio::sync::oneshot;
use tonic::codegen::tokio_stream::StreamExt as _;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};

use super::Folder;
use crate::wire;
use crate::wire::ingest_service_server::{IngestService, IngestServiceServer};
use crate::wire::record::Kind;
use crate::wire::run_service_server::{RunService, RunServiceServer};

/// What goes wrong with a call.
pub enum Fault {
    /// It is refused.
    Refuse(Status),
    /// It is done, and its answer is lost.
    LoseAnswer,
    /// It is done, and only so many of its records are acknowledged.
    AcknowledgeOnly(i64),
    /// It is never answered.
    Hang,
}

/// What a fake daemon has seen, and what it is to do.
#[derive(Default)]
pub struct State {
    pub token: String,
    pub protocol_version: i32,
    pub calls: Vec<&'static str>,
    pub faults: HashMap<&'static str, VecDeque<Fault>>,
    /// Batches with a row of this metric are refused.
    pub refused_key: Option<(&'static str, Code)>,
    pub begins: Vec<wire::WriterBegin>,
    /// The records of the writer, in the order of their sequences.
    pub records: Vec<wire::Record>,
    pub objects: Vec<Bytes>,
    pub finish: Option<wire::WriterFinish>,
    is_known: bool,
}

impl State {
    pub fn count(&self, method: &str) -> usize {
        self.calls.iter().filter(|call| **call == method).count()
    }

    /// Returns the values of an integer metric over all rows, in their order.
    pub fn ints(&self, key: &str) -> Vec<i64> {
        self.records.iter().flat_map(|record| ints(record, key)).collect()
    }
}

/// Returns the values of an integer metric of a record.
pub fn ints(record: &wire::Record, key: &str) -> Vec<i64> {
    match &record.kind {
        Some(Kind::Row(row)) => {
            let found = row.values.iter().filter(|entry| entry.key == key);
            let kinds = found.filter_map(|entry| entry.value.as_ref()?.kind.as_ref());
            kinds
                .filter_map(|kind| if let wire::value::Kind::IntValue(value) = kind { Some(*value) } else { None })
                .collect()
        }
        Some(Kind::RowColumns(rows)) => {
            let found = rows.columns.iter().find(|column| column.key == key);
            match found.and_then(|column| column.values.as_ref()) {
                Some(wire::column::Values::Ints(bytes)) => {
                    bytes.chunks(8).map(|eight| i64::from_le_bytes(eight.try_into().unwrap())).collect()
                }
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// Returns a status with the details that a daemon gives.
pub fn status(code: Code, reason: &str, metadata: &[(&str, &str)]) -> Status {
    let info = wire::ErrorInfo {
        reason: reason.into(),
        domain: "trackd".into(),
        metadata: metadata.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect(),
    };
    let any = wire::Any { type_url: "type.googleapis.com/google.rpc.ErrorInfo".into(), value: info.encode_to_vec() };
    let details = wire::StatusDetails { code: code as i32, message: String::new(), details: vec![any] };
    Status::with_details(code, format!("the fake says {reason}"), details.encode_to_vec().into())
}

/// A daemon that serves a store of its own until it is dropped.
pub struct Fake {
    pub folder: Arc<Folder>,
    pub address: String,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    pub fn new() -> Self {
        Self::with(Arc::new(Folder::new()), "secret", &[])
    }

    pub fn failing(faults: impl IntoIterator<Item = (&'static str, Fault)>) -> Self {
        let fake = Self::new();
        for (method, fault) in faults {
            fake.state(|state| state.faults.entry(method).or_default().push_back(fault));
        }
        fake
    }

    /// Serves a store with a token; of what the writer has sent before, it has the records.
    pub fn with(folder: Arc<Folder>, token: &str, records: &[wire::Record]) -> Self {
        let state = State { token: token.into(), protocol_version: 1, records: records.to_vec(), ..Default::default() };
        let state = Arc::new(Mutex::new(state));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let service = Service(state.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let serving = Server::builder()
                    .add_service(RunServiceServer::new(service.clone()))
                    .add_service(IngestServiceServer::new(service))
                    .serve_with_incoming(TcpIncoming::from(listener));
                tokio::select! { _ = serving => {}, _ = stopped => {} }
            });
            runtime.shutdown_background();
        });
        let fake = Self { folder, address, state, stop: Some(stop), thread: Some(thread) };
        fake.write_endpoint(token);
        fake
    }

    pub fn store(&self) -> PathBuf {
        self.folder.0.clone()
    }

    pub fn write_endpoint(&self, token: &str) {
        let endpoint = serde_json::json!({
            "grpc_address": self.address, "http_address": "http://127.0.0.1:1", "token": token,
            "version": "0", "protocol_version": 1, "pid": 1,
        });
        let temporary = self.store().join(".endpoint");
        std::fs::write(&temporary, endpoint.to_string()).unwrap();
        std::fs::rename(temporary, self.store().join("endpoint.json")).unwrap();
    }

    pub fn remove_endpoint(&self) {
        std::fs::remove_file(self.store().join("endpoint.json")).unwrap();
    }

    pub fn state<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[derive(Clone)]
struct Service(Arc<Mutex<State>>);

impl Service {
    /// Notes a call; returns its fault, or how it is refused.
    async fn begin<T>(&self, method: &'static str, request: &Request<T>) -> Result<Option<Fault>, Status> {
        let fault = {
            let mut state = self.0.lock().unwrap();
            state.calls.push(method);
            let given = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
            if given != Some(format!("Bearer {}", state.token).as_str()) {
                return Err(status(Code::Unauthenticated, "UNAUTHENTICATED", &[]));
            }
            state.faults.get_mut(method).and_then(VecDeque::pop_front)
        };
        match fault {
            Some(Fault::Refuse(status)) => Err(status),
            Some(Fault::Hang) => std::future::pending().await,
            fault => Ok(fault),
        }
    }
}

fn answer<T>(message: T, fault: Option<&Fault>) -> Result<Response<T>, Status> {
    match fault {
        Some(Fault::LoseAnswer) => Err(Status::unavailable("the answer is lost")),
        _ => Ok(Response::new(message)),
    }
}

impl State {
    fn append(&mut self, first_sequence: i64, records: Vec<wire::Record>) -> Result<(), Status> {
        if !self.is_known {
            return Err(status(Code::FailedPrecondition, "WRITER_NOT_FOUND", &[]));
        }
        if let Some((key, code)) = self.refused_key
            && records.iter().any(|record| !ints(record, key).is_empty())
        {
            return Err(status(code, "INVALID_ARGUMENT", &[]));
        }
        let acknowledged = self.records.len() as i64;
        if first_sequence > acknowledged + 1 {
            let text = acknowledged.to_string();
            return Err(status(Code::OutOfRange, "SEQUENCE_GAP", &[("acknowledged_sequence", &text)]));
        }
        let known = (acknowledged + 1 - first_sequence) as usize;
        self.records.extend(records.into_iter().skip(known));
        Ok(())
    }
}

#[tonic::async_trait]
impl RunService for Service {
    async fn create_run(
        &self,
        request: Request<wire::CreateRunRequest>,
    ) -> Result<Response<wire::CreateRunResponse>, Status> {
        let fault = self.begin("CreateRun", &request).await?;
        let mut state = self.0.lock().unwrap();
        state.is_known = true;
        state.begins.extend(request.into_inner().begin);
        answer(wire::CreateRunResponse::default(), fault.as_ref())
    }

    async fn finish_run(
        &self,
        request: Request<wire::FinishRunRequest>,
    ) -> Result<Response<wire::FinishRunResponse>, Status> {
        let fault = self.begin("FinishRun", &request).await?;
        let mut state = self.0.lock().unwrap();
        let request = request.into_inner();
        if state.finish.is_none() {
            let finish = request.finish.clone().map(Kind::WriterFinish);
            state.append(request.sequence, vec![wire::Record { kind: finish, ..Default::default() }])?;
            state.finish = request.finish;
        }
        answer(wire::FinishRunResponse::default(), fault.as_ref())
    }

    async fn get_daemon(
        &self,
        request: Request<wire::GetDaemonRequest>,
    ) -> Result<Response<wire::GetDaemonResponse>, Status> {
        let fault = self.begin("GetDaemon", &request).await?;
        let protocol_version = self.0.lock().unwrap().protocol_version;
        let daemon = wire::GetDaemonResponse { version: "0".into(), protocol_version, ..Default::default() };
        answer(daemon, fault.as_ref())
    }

    async fn update_run(
        &self,
        _: Request<wire::UpdateRunRequest>,
    ) -> Result<Response<wire::UpdateRunResponse>, Status> {
        Err(Status::unimplemented("no client calls it"))
    }

    async fn delete_run(
        &self,
        _: Request<wire::DeleteRunRequest>,
    ) -> Result<Response<wire::DeleteRunResponse>, Status> {
        Err(Status::unimplemented("no client calls it"))
    }

    async fn stop_daemon(
        &self,
        _: Request<wire::StopDaemonRequest>,
    ) -> Result<Response<wire::StopDaemonResponse>, Status> {
        Err(Status::unimplemented("no client calls it"))
    }
}

#[tonic::async_trait]
impl IngestService for Service {
    async fn append(&self, request: Request<wire::AppendRequest>) -> Result<Response<wire::AppendResponse>, Status> {
        let fault = self.begin("Append", &request).await?;
        let mut state = self.0.lock().unwrap();
        let Some(wire::append_request::Source::Batch(mut batch)) = request.into_inner().source else {
            return Err(Status::invalid_argument("no batch"));
        };
        if let Some(Fault::AcknowledgeOnly(count)) = fault {
            batch.records.truncate(count as usize);
        }
        state.append(batch.first_sequence, batch.records)?;
        let acknowledged_sequence = state.records.len() as i64;
        answer(wire::AppendResponse { acknowledged_sequence, ..Default::default() }, fault.as_ref())
    }

    async fn put_object(
        &self,
        request: Request<Streaming<wire::PutObjectRequest>>,
    ) -> Result<Response<wire::PutObjectResponse>, Status> {
        let fault = self.begin("PutObject", &request).await?;
        let mut chunks = request.into_inner();
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?.chunk;
            assert!(chunk.len() <= 1 << 20);
            bytes.extend_from_slice(&chunk);
        }
        let mut state = self.0.lock().unwrap();
        state.objects.push(bytes.into());
        // What stands for the sha256 tells which of the objects it was.
        let sha256 = format!("{:064}", state.objects.len());
        answer(wire::PutObjectResponse { sha256, ..Default::default() }, fault.as_ref())
    }
}
