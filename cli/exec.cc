// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/file_io.h"
#include "cli/by_name.h"
#include "cli/sessions.h"
#include "cli/variables.h"
#include "cli/verbs.h"
#include "shim/exit_code.h"

namespace davit::cli {
namespace {

struct ExecResult {
  std::string out;
  std::string err;
  int exit_code = 0;
};

Result<ExecResult> ExecInLocal(const Session& session, const ExecOptions& options) {
  api::ExecContainerRequest request;
  request.set_container(options.id);
  for (const std::string& argument : options.command) request.add_command(argument);
  auto response = TRY(session.daemon.Call(&OwnContainerStub::Exec, request, CallMode::kPatient));
  if (!response.error().empty()) session.console.Remark(response.error());
  return ExecResult{response.stdout(), response.stderr(), response.exit_code()};
}

Result<ExecResult> ExecInKubelets(const Session& session, const ExecOptions& options) {
  Target target = TRY(FindContainer(session.daemon, options.id));
  v1::ExecSyncRequest request;
  request.set_container_id(target.container->id());
  for (const std::string& argument : options.command) request.add_cmd(argument);
  auto response = TRY(session.daemon.Call(&RuntimeStub::ExecSync, request, CallMode::kPatient));
  return ExecResult{response.stdout(), response.stderr(), response.exit_code()};
}

Result<api::SessionsExecRequest> RequestOf(const ExecOptions& options) {
  api::SessionsExecRequest request;
  request.set_container(options.id);
  for (const std::string& word : options.command) request.add_command(word);
  for (const std::string& variable : TRY(ReadVariables(options.env_files, options.env)))
    request.add_env(variable);
  request.set_user(options.user);
  request.set_working_dir(options.working_dir);
  return request;
}

// It has no terminal, also with -t: nobody is at it.
Result<int> ExecDetached(const Session& session, const ExecOptions& options) {
  api::SessionsExecRequest request = TRY(RequestOf(options));
  request.set_detach(true);
  auto started = TRY(CallByName(session.daemon, &SessionStub::Exec, request));
  if (!started.error().empty()) session.console.Remark(started.error());
  return started.exit_code();
}

Result<int> ExecInSession(const Session& session, const ExecOptions& options) {
  TRY(CheckInputDevice(session.console, options.tty, options.interactive));
  SessionChoice choice;
  choice.input = options.interactive;
  choice.detach_keys = options.tty ? TRY(ParseDetachKeys(options.detach_keys)) : "";
  api::SessionsExecRequest request = TRY(RequestOf(options));
  SessionLink link = TRY(SessionLink::Open(session.daemon));
  choice.signal = [&link](int signo) { link.Signal(signo); };

  request.set_token(link.token());
  request.set_stdin(options.interactive);
  if (options.tty) *request.mutable_terminal() = TerminalSizeOf(session.console);
  TRY(CallByName(session.daemon, &SessionStub::Exec, request));
  Result<SessionEnd> end = RunCommandSession(session, link, TRY(link.TakeStreams()), choice);
  if (end) return end->exit_code;
  std::optional<int> status = shim::ExitCodeOf(end.error());
  if (!status) return std::unexpected(std::move(end).error());
  session.console.Remark(end.error().ToString());
  return *status;
}

}  // namespace

Result<int> Perform(const Session& session, const ExecOptions& options) {
  if (options.detach) return ExecDetached(session, options);
  if (HoldsSession(options)) return ExecInSession(session, options);
  Result<ExecResult> result = ExecInLocal(session, options);
  if (!result && result.error().code == Code::kNotFound) result = ExecInKubelets(session, options);
  if (!result) return std::unexpected(std::move(result).error());
  TRY(session.console.Print(result->out));
  TRY(WriteAll(session.console.err, result->err, "standard error"));
  return result->exit_code;
}

}  // namespace davit::cli
