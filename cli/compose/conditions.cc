// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/conditions.h"

#include <poll.h>

#include "cli/containers.h"

namespace davit::cli::compose {
namespace {

Result<> AwaitSuccess(const Session& session, const std::string& id) {
  int status = TRY(AwaitEnd(session.daemon, id, api::WaitContainerRequest::NOT_RUNNING));
  if (status == 0) return {};
  return Fail(Code::kFailedPrecondition, "wait for", TRY(InspectContainer(session.daemon, id)).name(),
              "it has ended with exit status " + std::to_string(status));
}

// The daemon has no call that waits for it: probes are seconds apart, and so is what we ask.
Result<> AwaitHealth(const Session& session, const std::string& id) {
  constexpr int kAskMs = 250;
  for (;;) {
    const api::Container container = TRY(InspectContainer(session.daemon, id));
    auto bad = [&container](const char* why) {
      return Fail(Code::kFailedPrecondition, "wait for", container.name(), why);
    };
    if (container.state().status() != api::ContainerState::RUNNING) return bad("it does not run");
    switch (container.state().health().status()) {
      case api::HealthState::HEALTHY:
        return {};
      case api::HealthState::UNHEALTHY:
        return bad("it is unhealthy: davit inspect has what its checks have printed");
      case api::HealthState::STARTING:
        break;
      default:
        return bad("it has no health check: add one, or use the condition service_started");
    }
    pollfd interrupt{session.interrupt.fd(), POLLIN, 0};
    if (poll(&interrupt, 1, kAskMs) < 0 && errno != EINTR) return SystemError("poll", "");
    if ((interrupt.revents & POLLIN) != 0) return Fail(Code::kCancelled, "wait for", container.name());
  }
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
