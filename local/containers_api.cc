// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/containers_api.h"

#include <functional>
#include <optional>

#include "cri/service/client_gone.h"
#include "cri/service/entitlement.h"
#include "local/request_checks.h"

namespace davit::local {
namespace {

using cri::Call;
using cri::CallClass;

constexpr int kMostSignal = 64;
constexpr int kMostContainers = 1000;

template <typename Request>
std::optional<uint32_t> GraceIn(const Request& request) {
  return request.has_grace_seconds() ? std::optional(request.grace_seconds()) : std::nullopt;
}

// Serves a method whose request names a container, with `verb(call)`, which returns a Result<>.
template <typename Request, typename Response, typename Verb>
grpc::Status ServeOne(const cri::Edge& edge, CallClass call_class, const grpc::ServerContext* context,
                      const char* method, const Request* request, Response* response, Verb verb) {
  return cri::Serve(edge, call_class, context, method, request->container(), response,
                    [&](Call& call) -> Result<Response> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(RequireContainer(request->container()));
                      TRY(verb(call));
                      return Response();
                    });
}

}  // namespace

grpc::Status ContainersApi::Create(grpc::ServerContext* context, const api::CreateContainerRequest* request,
                                   api::CreateContainerResponse* response) {
  return cri::Serve(edge_, CallClass::kStart, context, "Containers.Create", request->name(), response,
                    [&](Call&) -> Result<api::CreateContainerResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(cri::LimitText("name", request->name(), kMostContainerBytes));
                      cri::ClientGone gone(*context);
                      auto created =
                          TRY(containers_.Create(request->name(), request->spec(), std::ref(gone)));
                      api::CreateContainerResponse answer;
                      answer.set_id(created.id);
                      answer.set_name(created.name);
                      answer.set_log_path(created.log_path);
                      return answer;
                    });
}

grpc::Status ContainersApi::Start(grpc::ServerContext* context, const api::StartContainerRequest* request,
                                  api::StartContainerResponse* response) {
  return ServeOne(edge_, CallClass::kStart, context, "Containers.Start", request, response,
                  [&](Call& call) -> Result<> {
                    if (request->token().empty())
                      return containers_.Start(request->container(), call.deadline_ms);
                    TRY(RequireToken(request->token()));
                    cri::AttachedStart attached;
                    attached.wanted.input = request->stdin();
                    attached.wanted.window = TRY(WindowSizeOf(request->terminal()));
                    attached.connection = TRY(take_(request->token()));
                    return containers_.Start(request->container(), call.deadline_ms, &attached);
                  });
}

grpc::Status ContainersApi::Stop(grpc::ServerContext* context, const api::StopContainerRequest* request,
                                 api::StopContainerResponse* response) {
  return ServeOne(edge_, CallClass::kStop, context, "Containers.Stop", request, response, [&](Call& call) {
    return containers_.Stop(request->container(), GraceIn(*request), call.deadline_ms);
  });
}

grpc::Status ContainersApi::Restart(grpc::ServerContext* context, const api::RestartContainerRequest* request,
                                    api::RestartContainerResponse* response) {
  return ServeOne(edge_, CallClass::kStop, context, "Containers.Restart", request, response, [&](Call& call) {
    return containers_.Restart(request->container(), GraceIn(*request), call.deadline_ms);
  });
}

grpc::Status ContainersApi::Kill(grpc::ServerContext* context, const api::KillContainerRequest* request,
                                 api::KillContainerResponse* response) {
  return ServeOne(edge_, CallClass::kStop, context, "Containers.Kill", request, response,
                  [&](Call& call) -> Result<> {
                    if (request->signal() < 1 || request->signal() > kMostSignal) {
                      return Fail(Code::kInvalidArgument, "kill container", request->container(),
                                  std::to_string(request->signal()) + " is not a signal");
                    }
                    return containers_.Kill(request->container(), request->signal(), call.deadline_ms);
                  });
}

grpc::Status ContainersApi::Pause(grpc::ServerContext* context, const api::PauseContainerRequest* request,
                                  api::PauseContainerResponse* response) {
  return ServeOne(edge_, CallClass::kStop, context, "Containers.Pause", request, response,
                  [&](Call& call) { return containers_.Pause(request->container(), call.deadline_ms); });
}

grpc::Status ContainersApi::Unpause(grpc::ServerContext* context, const api::UnpauseContainerRequest* request,
                                    api::UnpauseContainerResponse* response) {
  return ServeOne(edge_, CallClass::kStop, context, "Containers.Unpause", request, response,
                  [&](Call& call) { return containers_.Unpause(request->container(), call.deadline_ms); });
}

grpc::Status ContainersApi::Update(grpc::ServerContext* context, const api::UpdateContainerRequest* request,
                                   api::UpdateContainerResponse* response) {
  return ServeOne(edge_, CallClass::kStart, context, "Containers.Update", request, response, [&](Call& call) {
    return containers_.Update(request->container(), request->update(), call.deadline_ms);
  });
}

grpc::Status ContainersApi::Rename(grpc::ServerContext* context, const api::RenameContainerRequest* request,
                                   api::RenameContainerResponse* response) {
  return ServeOne(edge_, CallClass::kRemove, context, "Containers.Rename", request, response,
                  [&](Call&) -> Result<> {
                    TRY(cri::RequireText("name", request->name(), kMostContainerBytes));
                    return containers_.Rename(request->container(), request->name());
                  });
}

grpc::Status ContainersApi::Remove(grpc::ServerContext* context, const api::RemoveContainerRequest* request,
                                   api::RemoveContainerResponse* response) {
  return ServeOne(
      edge_, CallClass::kRemove, context, "Containers.Remove", request, response, [&](Call& call) {
        return containers_.Remove(request->container(), request->force(), call.deadline_ms,
                                  request->volumes() ? AnonymousVolumes::kGo : AnonymousVolumes::kStay);
      });
}

grpc::Status ContainersApi::Inspect(grpc::ServerContext* context, const api::InspectContainerRequest* request,
                                    api::InspectContainerResponse* response) {
  return cri::Serve(edge_, CallClass::kLook, context, "Containers.Inspect", request->container(), response,
                    [&](Call&) -> Result<api::InspectContainerResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(RequireContainer(request->container()));
                      api::InspectContainerResponse answer;
                      *answer.mutable_container() = TRY(containers_.Inspect(request->container()));
                      return answer;
                    });
}

grpc::Status ContainersApi::Exec(grpc::ServerContext* context, const api::ExecContainerRequest* request,
                                 api::ExecContainerResponse* response) {
  return cri::Serve(edge_, CallClass::kCommand, context, "Containers.Exec", request->container(), response,
                    [&](Call& call) -> Result<api::ExecContainerResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(RequireContainer(request->container()));
                      TRY(LimitWords("command", request->command()));
                      cri::ClientGone gone(*context);
                      return containers_.Exec(*request, call.deadline_ms, std::ref(gone));
                    });
}

grpc::Status ContainersApi::Stats(grpc::ServerContext* context, const api::ContainerStatsRequest* request,
                                  api::ContainerStatsResponse* response) {
  return cri::Serve(edge_, CallClass::kLook, context, "Containers.Stats", "", response,
                    [&](Call&) -> Result<api::ContainerStatsResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(cri::LimitCount("containers", request->containers_size(), kMostContainers));
                      for (const std::string& container : request->containers())
                        TRY(cri::RequireText("containers", container, kMostContainerBytes));
                      return containers_.Stats(*request);
                    });
}

grpc::Status ContainersApi::Top(grpc::ServerContext* context, const api::TopContainerRequest* request,
                                api::TopContainerResponse* response) {
  return cri::Serve(edge_, CallClass::kLook, context, "Containers.Top", request->container(), response,
                    [&](Call&) -> Result<api::TopContainerResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(RequireContainer(request->container()));
                      return containers_.Top(request->container());
                    });
}

void ContainersApi::AcceptAsync(cri::ListStreamSetting& setting) {
  waits_ = std::make_unique<WaitStreamSetting>(*this, setting.thread, edge_, containers_);
  WaitStream::Listen(*waits_);
  cri::AcceptListStreams(
      setting, "Containers.List", *this, &ContainersApi::RequestList,
      [this](const grpc::ServerContext& context,
             const api::ListContainersRequest& request) -> Result<std::vector<api::Container>> {
        TRY(cri::RequireEntitled(context));
        return containers_.List(request.all(), request.size());
      },
      &api::ListContainersResponse::add_containers);
}

}  // namespace davit::local
