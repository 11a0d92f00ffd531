// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/file_io.h"
#include "cli/containers.h"
#include "cli/target.h"
#include "cli/verbs.h"

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

}  // namespace

Result<int> Perform(const Session& session, const ExecOptions& options) {
  Result<ExecResult> result = ExecInLocal(session, options);
  if (!result && result.error().code == Code::kNotFound) result = ExecInKubelets(session, options);
  if (!result) return std::unexpected(std::move(result).error());
  TRY(session.console.Print(result->out));
  TRY(WriteAll(session.console.err, result->err, "standard error"));
  return result->exit_code;
}

}  // namespace davit::cli
