// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>

#include "cli/each.h"
#include "cli/pods.h"
#include "cli/target.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

Result<> CheckNothingRuns(const std::vector<Target>& targets, const std::string& pod_id) {
  auto running = std::ranges::find_if(targets, [&](const Target& target) {
    return target.pod.id() == pod_id && target.container &&
           target.container->state() == v1::CONTAINER_RUNNING;
  });
  if (running == targets.end()) return {};
  return Fail(Code::kFailedPrecondition, "", NameOf(*running), "is running: stop it first, or use rm -f");
}

}  // namespace

Result<int> Perform(const Session& session, const RmOptions& options) {
  return ForEach(session, options.ids, [&](const std::string& id) -> Result<> {
    std::vector<Target> targets = TRY(ListTargets(session.daemon));
    Target target = TRY(ChoosePod(targets, id));
    if (!options.force) TRY(CheckNothingRuns(targets, target.pod.id()));
    return RemovePod(session, target.pod.id());
  });
}

}  // namespace davit::cli
