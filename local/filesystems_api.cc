// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/filesystems_api.h"

#include "cri/service/carry_client.h"
#include "cri/service/entitlement.h"
#include "cri/service/field_limits.h"

namespace davit::local {
namespace {

using cri::Call;
using cri::CallClass;

constexpr size_t kMostContainerBytes = 255;
constexpr size_t kMostPathBytes = 4096;
constexpr size_t kChangesBytes = 256 << 10;
constexpr int kMostTexts = 1000;
constexpr size_t kMostTextBytes = 65'536;

Result<> CheckContainer(const std::string& container) {
  return cri::RequireText("container", container, kMostContainerBytes);
}

template <typename Request>
Result<> CheckPath(const Request& request) {
  TRY(CheckContainer(request.container()));
  return cri::RequireText("path", request.path(), kMostPathBytes);
}

// A relative path without "..": a client that extracts the archive trusts its names.
Result<> CheckArchiveName(const std::string& name) {
  TRY(cri::LimitText("archive_name", name, kMostPathBytes));
  bool climbs = ("/" + name + "/").find("/../") != std::string::npos;
  if (!climbs && !name.starts_with('/') && name.find('\0') == std::string::npos) return {};
  return Fail(Code::kInvalidArgument, "read", "archive_name", "is no path below a directory");
}

Result<> CheckTexts(const char* field, const google::protobuf::RepeatedPtrField<std::string>& texts) {
  TRY(cri::LimitCount(field, texts.size(), kMostTexts));
  for (const std::string& text : texts) TRY(cri::LimitText(field, text, kMostTextBytes));
  return {};
}

Result<> CheckChanges(const api::ImageChanges& changes) {
  TRY(CheckTexts("entrypoint", changes.entrypoint().words()));
  TRY(CheckTexts("command", changes.command().words()));
  TRY(CheckTexts("env", changes.env()));
  for (const std::string& variable : changes.env()) {
    if (variable.find('=') == std::string::npos || variable.starts_with('='))
      return Fail(Code::kInvalidArgument, "read", "env", "has an entry without a name");
  }
  TRY(cri::LimitCount("labels", static_cast<int>(changes.labels().size()), kMostTexts));
  TRY(CheckTexts("exposed_ports", changes.exposed_ports()));
  TRY(CheckTexts("volumes", changes.volumes()));
  TRY(CheckTexts("on_build", changes.on_build()));
  for (const std::string* text : {&changes.user(), &changes.working_dir(), &changes.stop_signal()})
    TRY(cri::LimitText("changes", *text, kMostTextBytes));
  return {};
}

// Sends what it gets as messages, which end with a summary.
template <typename Response>
class DataSender {
 public:
  DataSender(cri::CarryClient& client, grpc::ServerWriter<Response>& writer)
      : client_(client), writer_(writer) {}

  Result<> Send(std::string_view piece) {
    Response message;
    message.set_data(piece.data(), piece.size());
    return Write(message);
  }
  Result<> Finish(api::CopySummary summary) {
    Response message;
    *message.mutable_done() = std::move(summary);
    return Write(message);
  }

 private:
  Result<> Write(const Response& message) {
    if (client_.Write(writer_, message)) return {};
    return Fail(Code::kCancelled, "", "", "the client has left");
  }

  cri::CarryClient& client_;
  grpc::ServerWriter<Response>& writer_;
};

// The archive that a client sends. Use: First, Receive.
template <typename Request>
class DataReceiver {
 public:
  DataReceiver(cri::CarryClient& client, grpc::ServerReader<Request>& reader)
      : client_(client), reader_(reader) {}

  // Has the parameters of the call, and may have data.
  Result<Request> First() {
    if (!client_.Read(reader_, message_)) return Gone();
    TRY(cri::LimitText("data", message_.data(), cri::kMostImportPiece));
    return message_;
  }
  Result<> Receive(const Filesystems::Sink& take) {
    while (true) {
      TRY(cri::LimitText("data", message_.data(), cri::kMostImportPiece));
      TRY(take(message_.data()));
      if (message_.end()) return {};
      if (!client_.Read(reader_, message_)) return Gone();
    }
  }

 private:
  static std::unexpected<Error> Gone() {
    return Fail(Code::kCancelled, "read", "archive", "the client has left before the end");
  }

  cri::CarryClient& client_;
  grpc::ServerReader<Request>& reader_;
  Request message_;
};

// Changes in messages that are neither small nor large.
class ChangeSender {
 public:
  ChangeSender(cri::CarryClient& client, grpc::ServerWriter<api::ContainerChangesResponse>& writer)
      : client_(client), writer_(writer) {}

  Result<> Add(api::FileChange change) {
    constexpr size_t kPerChange = 16;
    bytes_ += change.path().size() + kPerChange;
    *message_.add_changes() = std::move(change);
    return bytes_ < kChangesBytes ? Result<>() : Flush();
  }
  Result<> Flush() {
    if (message_.changes().empty()) return {};
    if (!client_.Write(writer_, message_)) return Fail(Code::kCancelled, "", "", "the client has left");
    message_.Clear();
    bytes_ = 0;
    return {};
  }

 private:
  cri::CarryClient& client_;
  grpc::ServerWriter<api::ContainerChangesResponse>& writer_;
  api::ContainerChangesResponse message_;
  size_t bytes_ = 0;
};

}  // namespace

grpc::Status FilesystemsApi::Stat(grpc::ServerContext* context, const api::StatPathRequest* request,
                                  api::StatPathResponse* response) {
  return cri::Serve(edge_, CallClass::kCarry, context, "Filesystems.Stat", request->container(), response,
                    [&](Call& call) -> Result<api::StatPathResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(CheckPath(*request));
                      cri::CarryClient client(*context);
                      return filesystems_.Stat(*request, call.deadline_ms, client.interrupt());
                    });
}

grpc::Status FilesystemsApi::Read(grpc::ServerContext* context, const api::ReadPathRequest* request,
                                  grpc::ServerWriter<api::ReadPathResponse>* writer) {
  api::ReadPathResponse last;
  return cri::Serve(edge_, CallClass::kCarry, context, "Filesystems.Read", request->container(), &last,
                    [&](Call& call) -> Result<api::ReadPathResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(CheckPath(*request));
                      TRY(CheckArchiveName(request->archive_name()));
                      cri::CarryClient client(*context);
                      DataSender sender(client, *writer);
                      auto summary = client.Explain(filesystems_.Read(
                          *request, call.deadline_ms, client.interrupt(),
                          [&sender](std::string_view piece) { return sender.Send(piece); }));
                      TRY(sender.Finish(TRY(std::move(summary))));
                      return api::ReadPathResponse();
                    });
}

grpc::Status FilesystemsApi::Write(grpc::ServerContext* context,
                                   grpc::ServerReader<api::WritePathRequest>* reader,
                                   api::WritePathResponse* response) {
  return cri::Serve(edge_, CallClass::kCarry, context, "Filesystems.Write", "", response,
                    [&](Call& call) -> Result<api::WritePathResponse> {
                      TRY(cri::RequireEntitled(*context));
                      cri::CarryClient client(*context);
                      DataReceiver<api::WritePathRequest> receiver(client, *reader);
                      api::WritePathRequest request = TRY(client.Explain(receiver.First()));
                      request.clear_data();
                      TRY(CheckPath(request));
                      auto summary = client.Explain(filesystems_.Write(
                          request, call.deadline_ms, client.interrupt(),
                          [&receiver](const Filesystems::Sink& take) { return receiver.Receive(take); }));
                      api::WritePathResponse answer;
                      *answer.mutable_done() = TRY(std::move(summary));
                      return answer;
                    });
}

grpc::Status FilesystemsApi::Export(grpc::ServerContext* context, const api::ExportContainerRequest* request,
                                    grpc::ServerWriter<api::ExportContainerResponse>* writer) {
  api::ExportContainerResponse last;
  return cri::Serve(edge_, CallClass::kCarry, context, "Filesystems.Export", request->container(), &last,
                    [&](Call& call) -> Result<api::ExportContainerResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(CheckContainer(request->container()));
                      cri::CarryClient client(*context);
                      DataSender sender(client, *writer);
                      auto summary = client.Explain(filesystems_.Export(
                          request->container(), call.deadline_ms, client.interrupt(),
                          [&sender](std::string_view piece) { return sender.Send(piece); }));
                      TRY(sender.Finish(TRY(std::move(summary))));
                      return api::ExportContainerResponse();
                    });
}

grpc::Status FilesystemsApi::Changes(grpc::ServerContext* context,
                                     const api::ContainerChangesRequest* request,
                                     grpc::ServerWriter<api::ContainerChangesResponse>* writer) {
  api::ContainerChangesResponse last;
  return cri::Serve(edge_, CallClass::kCarry, context, "Filesystems.Changes", request->container(), &last,
                    [&](Call& call) -> Result<api::ContainerChangesResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(CheckContainer(request->container()));
                      cri::CarryClient client(*context);
                      ChangeSender sender(client, *writer);
                      auto listed = filesystems_.ListChanges(
                          request->container(), call.deadline_ms, client.interrupt(),
                          [&sender](api::FileChange change) { return sender.Add(std::move(change)); });
                      if (listed) listed = sender.Flush();
                      TRY(client.Explain(std::move(listed)));
                      return api::ContainerChangesResponse();
                    });
}

grpc::Status FilesystemsApi::Commit(grpc::ServerContext* context, const api::CommitContainerRequest* request,
                                    api::CommitContainerResponse* response) {
  return cri::Serve(edge_, CallClass::kCarry, context, "Filesystems.Commit", request->container(), response,
                    [&](Call& call) -> Result<api::CommitContainerResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(CheckContainer(request->container()));
                      TRY(cri::LimitText("name", request->name(), cri::kMostReferenceBytes));
                      TRY(cri::LimitText("author", request->author(), kMostTextBytes));
                      TRY(cri::LimitText("message", request->message(), kMostTextBytes));
                      TRY(CheckChanges(request->changes()));
                      cri::CarryClient client(*context);
                      return filesystems_.Commit(*request, call.deadline_ms, client.interrupt());
                    });
}

grpc::Status FilesystemsApi::ImportImage(grpc::ServerContext* context,
                                         grpc::ServerReader<api::ImportFilesystemRequest>* reader,
                                         api::ImportFilesystemResponse* response) {
  return cri::Serve(edge_, CallClass::kCarry, context, "Filesystems.ImportImage", "", response,
                    [&](Call&) -> Result<api::ImportFilesystemResponse> {
                      TRY(cri::RequireEntitled(*context));
                      cri::CarryClient client(*context);
                      DataReceiver<api::ImportFilesystemRequest> receiver(client, *reader);
                      const api::ImportFilesystemRequest first = TRY(client.Explain(receiver.First()));
                      TRY(cri::LimitText("name", first.header().name(), cri::kMostReferenceBytes));
                      TRY(cri::LimitText("message", first.header().message(), kMostTextBytes));
                      TRY(CheckChanges(first.header().changes()));
                      auto id = client.Explain(filesystems_.Import(
                          first.header(), client.interrupt(),
                          [&receiver](const Filesystems::Sink& take) { return receiver.Receive(take); }));
                      api::ImportFilesystemResponse answer;
                      answer.set_id(TRY(std::move(id)));
                      return answer;
                    });
}

}  // namespace davit::local
