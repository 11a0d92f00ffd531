// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/follow.h"
#include "cli/log_printer.h"
#include "cli/log_tail.h"
#include "cli/target.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

Result<> PrintLog(const Session& session, const std::string& container_id) {
  v1::ContainerStatusRequest request;
  request.set_container_id(container_id);
  auto response = TRY(session.daemon.Call(&RuntimeStub::ContainerStatus, request));
  LogTail tail = TRY(LogTail::Watch(response.status().log_path()));
  LogPrinter printer(session.console);
  TRY(tail.Drain([&printer](std::string_view line) { return printer.Add(line); }));
  return printer.Flush();
}

}  // namespace

Result<int> Perform(const Session& session, const LogsOptions& options) {
  Target target = TRY(FindContainer(session.daemon, options.id));
  const std::string& id = target.container->id();
  if (!options.follow) {
    TRY(PrintLog(session, id));
    return 0;
  }
  auto ended = TRY(FollowContainer(session, id, [] { return OnInterrupt::kLeave; }));
  return ended ? 0 : kInterrupted;
}

}  // namespace davit::cli
