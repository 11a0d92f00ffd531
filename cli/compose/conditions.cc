// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/conditions.h"

#include "cli/containers.h"

namespace davit::cli::compose {
namespace {

Result<> AwaitSuccess(const Session& session, const std::string& id) {
  int status = TRY(AwaitEnd(session.daemon, id, api::WaitContainerRequest::NOT_RUNNING));
  if (status == 0) return {};
  return Fail(Code::kFailedPrecondition, "wait for", TRY(InspectContainer(session.daemon, id)).name(),
              "it has ended with exit status " + std::to_string(status));
}

Result<> AwaitHealth(const Session& session, const std::string& id) {
  return Fail(Code::kUnimplemented, "wait for", TRY(InspectContainer(session.daemon, id)).name(),
              "health checks are not supported yet: use the condition service_started");
}

}  // namespace

Result<> AwaitCondition(const Session& session, const std::vector<std::string>& ids, Condition condition) {
  for (const std::string& id : ids) {
    if (condition == Condition::kCompleted) TRY(AwaitSuccess(session, id));
    if (condition == Condition::kHealthy) TRY(AwaitHealth(session, id));
  }
  return {};
}

}  // namespace davit::cli::compose
