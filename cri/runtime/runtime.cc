// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/runtime.h"

#include "cri/runtime/network_namespace.h"

namespace davit::cri {
namespace {

constexpr int kCleanerThreads = 2;
constexpr int kHelperThreads = 2;
constexpr int kStreamThreads = 2;  // none of them waits for a shim
// A command that hangs in the kernel occupies one for ten seconds, and a probe brings the next one.
constexpr size_t kMostKillers = 64;

}  // namespace

Runtime::Runtime(Host host)
    : host_(std::move(host)),
      files_(host_.config.state + "/sandboxes", host_.facts.selinux.file.ToString()),
      confinement_({host_.seccomp, host_.apparmor, host_.selinux, host_.facts}),
      announcer_(pods_, host_.clock),
      cleanup_(host_.cgroups, host_.shims, host_.log),
      deletions_(host_.snapshots, host_.log),
      planner_({pods_, host_.cgroups.placement(), confinement_, files_, host_.cdi, host_.facts, host_.clock}),
      watch_({pods_, host_.shims, announcer_, cleanup_, cleaners_, host_.log, host_.clock}),
      containers_({host_.config, pods_, host_.records, host_.snapshots, host_.images, host_.cgroups,
                   host_.shims, confinement_, planner_, announcer_, cleanup_, watch_, deletions_, helpers_,
                   cleaners_, host_.clock}),
      sandboxes_({host_.config, pods_, host_.records, host_.network, host_.cgroups, host_.shims, confinement_,
                  files_, announcer_, watch_, containers_, helpers_, host_.log, host_.clock}),
      processes_({pods_, host_.cgroups}),
      execs_({pods_, host_.cgroups, confinement_, streams_, killers_, host_.outputs, host_.log}),
      sessions_({pods_, confinement_}),
      statistics_({pods_, host_.cgroups, host_.snapshots, host_.network}),
      node_({host_.config, host_.facts, host_.cgroups.placement(), host_.cdi, host_.shims, host_.snapshots,
             host_.network, host_.records_health}),
      network_report_(pods_, host_.network),
      recovery_({host_.cgroups, pods_, host_.records, host_.images, host_.snapshots, host_.network,
                 host_.shims, confinement_, files_, announcer_, watch_, containers_, sandboxes_, host_.log,
                 host_.clock}),
      cleaners_(kCleanerThreads),
      helpers_(kHelperThreads),
      streams_(kStreamThreads),
      killers_(kMostKillers) {
  host_.network.EnterPodsBy([this](const std::string& id, const PodNetwork::OnNamespace& done) {
    Result<SandboxPtr> sandbox = pods_.FindSandbox(id);
    if (!sandbox) return done(std::unexpected(std::move(sandbox).error()));
    AskNetworkNamespace(*sandbox, streams_, done);
  });
}

Runtime::~Runtime() {
  host_.network.EnterPodsBy(nullptr);
  // Containers go on without the daemon: the end of these objects releases nothing of theirs.
  host_.images.KeepReleased();
  recovery_.Join();  // it may be connecting to a shim
  // No event may reach an object that is destroyed. A shim notices the end of a connection, nothing else.
  for (const SandboxPtr& sandbox : pods_.Sandboxes()) {
    if (ShimPtr shim = sandbox->shim()) shim->Close();
  }
  host_.records.Flush();  // callbacks of changes that nothing waits for
}

}  // namespace davit::cri
