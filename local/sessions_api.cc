// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/sessions_api.h"

#include <algorithm>
#include <future>
#include <limits>

#include "cri/service/entitlement.h"
#include "cri/service/field_limits.h"

namespace davit::local {
namespace {

using cri::Call;
using cri::CallClass;

constexpr size_t kMostTokenBytes = 64;
constexpr size_t kMostContainerBytes = 255;
constexpr size_t kMostArgumentBytes = 65'536;
constexpr int kMostArguments = 1000;
// For a shim to answer; one that hangs for longer gets no client.
constexpr std::chrono::seconds kAttachPatience(10);

Result<cri::SessionExec> ExecOf(const api::SessionsExecRequest& request) {
  TRY(RequireToken(request.token()));
  TRY(cri::RequireText("container", request.container(), kMostContainerBytes));
  if (request.command().empty()) return Fail(Code::kInvalidArgument, "read", "command", "is empty");
  TRY(cri::LimitCount("command", request.command_size(), kMostArguments));
  for (const std::string& word : request.command()) TRY(cri::LimitText("command", word, kMostArgumentBytes));
  cri::SessionExec exec;
  exec.command = {request.command().begin(), request.command().end()};
  exec.input = request.stdin();
  if (request.has_terminal()) exec.terminal = TRY(WindowSizeOf(request.terminal()));
  return exec;
}

}  // namespace

Result<shim::WindowSize> WindowSizeOf(const api::TerminalSize& size) {
  if (std::max(size.rows(), size.columns()) > std::numeric_limits<uint16_t>::max())
    return Fail(Code::kInvalidArgument, "read", "terminal", "its size is more than 65535");
  return shim::WindowSize{static_cast<uint16_t>(size.rows()), static_cast<uint16_t>(size.columns())};
}

Result<> RequireToken(const std::string& token) {
  return cri::RequireText("token", token, kMostTokenBytes);
}

Result<SessionsApi::Target> SessionsApi::Find(const std::string& container) const {
  Result<std::string> run = containers_.RunOf(container);
  if (run) {
    auto target = execs_.SessionTargetOf(*run, cri::Owner::kLocal);
    if (!target) return std::unexpected(AboutContainer(std::move(target).error()));
    return Target{std::move(*target), /*local=*/true};
  }
  if (run.error().code != Code::kNotFound) return std::unexpected(std::move(run).error());
  return Target{TRY(execs_.SessionTargetOf(container, cri::Owner::kCri)), /*local=*/false};
}

grpc::Status SessionsApi::Exec(grpc::ServerContext* context, const api::SessionsExecRequest* request,
                               api::SessionsExecResponse* response) {
  return cri::Serve(edge_, CallClass::kStart, context, "Sessions.Exec", request->container(), response,
                    [&](Call& call) -> Result<api::SessionsExecResponse> {
                      TRY(cri::RequireEntitled(*context));
                      cri::SessionExec exec = TRY(ExecOf(*request));
                      exec.container_id = TRY(Find(request->container())).container.id;
                      UniqueFd connection = TRY(take_(request->token()));
                      if (Result<> begun = execs_.BeginSession(exec, std::move(connection), call.deadline_ms);
                          !begun)
                        return std::unexpected(AboutContainer(std::move(begun).error()));
                      return api::SessionsExecResponse();
                    });
}

grpc::Status SessionsApi::Attach(grpc::ServerContext* context, const api::SessionsAttachRequest* request,
                                 api::SessionsAttachResponse* response) {
  return cri::Serve(edge_, CallClass::kStart, context, "Sessions.Attach", request->container(), response,
                    [&](Call&) -> Result<api::SessionsAttachResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(RequireToken(request->token()));
                      TRY(cri::RequireText("container", request->container(), kMostContainerBytes));
                      Target target = TRY(Find(request->container()));
                      UniqueFd connection = TRY(take_(request->token()));
                      auto attached = std::make_shared<std::promise<Result<>>>();
                      execs_.BeginSession(
                          cri::SessionAttach{target.container.id, request->stdin(), /*patient=*/target.local},
                          std::move(connection),
                          [attached](Result<> result) { attached->set_value(std::move(result)); });
                      std::future<Result<>> result = attached->get_future();
                      if (result.wait_for(kAttachPatience) != std::future_status::ready)
                        return Fail(Code::kDeadlineExceeded, "attach to container", request->container(),
                                    "its pod's shim does not answer");
                      TRY(result.get());
                      api::SessionsAttachResponse answer;
                      answer.set_id(target.container.id);
                      answer.set_tty(target.container.tty);
                      answer.set_local(target.local);
                      return answer;
                    });
}

}  // namespace davit::local
