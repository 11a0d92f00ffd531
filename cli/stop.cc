// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/each.h"
#include "cli/pods.h"
#include "cli/target.h"
#include "cli/verbs.h"

namespace davit::cli {

Result<int> Perform(const Session& session, const StopOptions& options) {
  return ForEach(session, options.ids, [&](const std::string& id) -> Result<> {
    Target target = TRY(FindContainer(session.daemon, id));
    TRY(StopContainer(session, target.container->id(), options.grace_seconds));
    // A pod of somebody else may have more containers, and may be wanted without any.
    if (MadeByRun(target.pod)) TRY(StopPod(session, target.pod.id()));
    return {};
  });
}

}  // namespace davit::cli
