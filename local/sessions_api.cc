// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/sessions_api.h"

#include <algorithm>
#include <future>
#include <limits>

#include "cri/service/entitlement.h"
#include "local/request_checks.h"
#include "shim/exit_code.h"

namespace davit::local {
namespace {

using cri::Call;
using cri::CallClass;

constexpr size_t kMostTokenBytes = 64;
constexpr size_t kMostUserBytes = 255;
constexpr size_t kMostPathBytes = 4'096;
// For a shim to answer; one that hangs for longer gets no client.
constexpr std::chrono::seconds kAttachPatience(10);
// The same for the start of a command, for which a shim has 60 seconds.
constexpr std::chrono::seconds kStartPatience(70);

Result<> CheckChanges(const api::SessionsExecRequest& request) {
  TRY(LimitWords("env", request.env()));
  TRY(cri::LimitText("user", request.user(), kMostUserBytes));
  return cri::LimitText("working_dir", request.working_dir(), kMostPathBytes);
}

Result<cri::SessionExec> ExecOf(const api::SessionsExecRequest& request) {
  if (!request.detach()) TRY(RequireToken(request.token()));
  if (request.detach() && (request.stdin() || request.has_terminal()))
    return Fail(Code::kInvalidArgument, "read", "detach", "is not for commands with an input or a terminal");
  TRY(CheckChanges(request));
  TRY(RequireContainer(request.container()));
  if (request.command().empty()) return Fail(Code::kInvalidArgument, "read", "command", "is empty");
  TRY(LimitWords("command", request.command()));
  cri::SessionExec exec;
  exec.command = {request.command().begin(), request.command().end()};
  exec.input = request.stdin();
  if (request.has_terminal()) exec.terminal = TRY(WindowSizeOf(request.terminal()));
  exec.changes = {{request.env().begin(), request.env().end()}, request.user(), request.working_dir()};
  return exec;
}

// Waits for what `begin` passes on from the shim, on whatever thread.
Result<> Await(const char* step, const std::string& container, std::chrono::seconds patience,
               const std::function<void(std::function<void(Result<>)>)>& begin) {
  auto answer = std::make_shared<std::promise<Result<>>>();
  begin([answer](Result<> result) { answer->set_value(std::move(result)); });
  std::future<Result<>> result = answer->get_future();
  if (result.wait_for(patience) == std::future_status::ready) return result.get();
  return Fail(Code::kDeadlineExceeded, step, container, "its pod's shim does not answer");
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
    auto target = sessions_.TargetOf(*run, cri::Owner::kLocal);
    if (!target) return std::unexpected(AboutContainer(std::move(target).error()));
    return Target{std::move(*target), /*local=*/true};
  }
  if (run.error().code != Code::kNotFound) return std::unexpected(std::move(run).error());
  return Target{TRY(sessions_.TargetOf(container, cri::Owner::kCri)), /*local=*/false};
}

Result<api::SessionsExecResponse> SessionsApi::StartDetached(const cri::SessionExec& exec) {
  Result<> started = Await("exec in container", exec.container_id, kStartPatience,
                           [&](auto on_started) { sessions_.BeginDetached(exec, std::move(on_started)); });
  api::SessionsExecResponse answer;
  if (started) return answer;
  Error error = std::move(started).error();
  if (std::optional<int32_t> exit_code = shim::ExitCodeOf(error)) {
    answer.set_exit_code(*exit_code);
    answer.set_error(cri::ToResponseText(error.ToString()));
    return answer;
  }
  return std::unexpected(AboutContainer(std::move(error)));
}

grpc::Status SessionsApi::Exec(grpc::ServerContext* context, const api::SessionsExecRequest* request,
                               api::SessionsExecResponse* response) {
  return cri::Serve(edge_, CallClass::kStart, context, "Sessions.Exec", request->container(), response,
                    [&](Call& call) -> Result<api::SessionsExecResponse> {
                      TRY(cri::RequireEntitled(*context));
                      cri::SessionExec exec = TRY(ExecOf(*request));
                      exec.container_id = TRY(Find(request->container())).container.id;
                      if (request->detach()) return StartDetached(exec);
                      UniqueFd connection = TRY(take_(request->token()));
                      if (Result<> begun = sessions_.Begin(exec, std::move(connection), call.deadline_ms);
                          !begun)
                        return std::unexpected(AboutContainer(std::move(begun).error()));
                      return api::SessionsExecResponse();
                    });
}

grpc::Status SessionsApi::Attach(grpc::ServerContext* context, const api::SessionsAttachRequest* request,
                                 api::SessionsAttachResponse* response) {
  return cri::Serve(
      edge_, CallClass::kStart, context, "Sessions.Attach", request->container(), response,
      [&](Call&) -> Result<api::SessionsAttachResponse> {
        TRY(cri::RequireEntitled(*context));
        TRY(RequireToken(request->token()));
        TRY(RequireContainer(request->container()));
        Target target = TRY(Find(request->container()));
        UniqueFd connection = TRY(take_(request->token()));
        cri::SessionAttach attach{target.container.id, request->stdin(),
                                  /*patient=*/target.local};
        TRY(Await("attach to container", request->container(), kAttachPatience, [&](auto on_attached) {
          sessions_.Begin(attach, std::move(connection), std::move(on_attached));
        }));
        api::SessionsAttachResponse answer;
        answer.set_id(target.container.id);
        answer.set_tty(target.container.tty);
        answer.set_local(target.local);
        return answer;
      });
}

}  // namespace davit::local
