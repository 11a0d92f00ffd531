// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/file_io.h"
#include "cli/target.h"
#include "cli/verbs.h"

namespace davit::cli {

Result<int> Perform(const Session& session, const ExecOptions& options) {
  Target target = TRY(FindContainer(session.daemon, options.id));
  v1::ExecSyncRequest request;
  request.set_container_id(target.container->id());
  for (const std::string& argument : options.command) request.add_cmd(argument);
  auto response = TRY(session.daemon.Call(&RuntimeStub::ExecSync, request, CallMode::kPatient));
  TRY(session.console.Print(response.stdout()));
  TRY(WriteAll(session.console.err, response.stderr(), "standard error"));
  return response.exit_code();
}

}  // namespace davit::cli
