// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A runtime over fakes: every verb works, without root and without kernel objects.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cri/runtime/runtime.h"
#include "cri/testing/fake_cgroups.h"
#include "cri/testing/fake_images.h"
#include "cri/testing/fake_network.h"
#include "cri/testing/fake_pod_store.h"
#include "cri/testing/fake_shims.h"
#include "cri/testing/fake_snapshots.h"
#include "cri/testing/manual_clock.h"

namespace davit::cri {

class World {
 public:
  World();
  ~World();

  // Ends the daemon and starts it again with the same records, shims and fakes. The test then calls Recover.
  void Restart();
  // Ends the daemon. The test must not use runtime() afterwards.
  void End() { runtime_.reset(); }
  // Returns when all shims have reported, or after `patience`.
  Result<> Recover(std::chrono::milliseconds patience = std::chrono::seconds(2)) {
    return runtime_->Recover(patience);
  }

  Runtime& runtime() { return *runtime_; }
  // From now on the verbs below are called for this owner. Before, it is the CRI.
  void ActFor(Owner owner) { owner_ = owner; }
  // Change it before the verb that reads it.
  Config& config() { return config_; }

  // Valid requests, which a test may change.
  v1::RunPodSandboxRequest SandboxRequest(const std::string& name = "pod") const;
  v1::CreateContainerRequest ContainerRequest(const std::string& sandbox_id,
                                              const std::string& name = "app") const;

  // Calls the verbs, with a deadline that no test reaches.
  Result<std::string> RunSandbox(const std::string& name = "pod");
  Result<std::string> CreateContainer(const std::string& sandbox_id, const std::string& name = "app");
  Result<> StartContainer(const std::string& id);
  Result<> StopContainer(const std::string& id, int64_t grace_seconds = 0);
  Result<> RemoveContainer(const std::string& id);
  Result<> StopSandbox(const std::string& id);
  Result<> RemoveSandbox(const std::string& id);
  // A sandbox with one running container.
  struct Pod {
    std::string sandbox;
    std::string container;
  };
  Pod RunPod();
  Result<v1::ContainerStatus> FindStatusOf(const std::string& container_id);
  Result<v1::PodSandboxStatus> FindSandboxStatusOf(const std::string& sandbox_id);
  // Of one that exists.
  v1::ContainerStatus StatusOf(const std::string& container_id) { return FindStatusOf(container_id).value(); }
  v1::PodSandboxStatus SandboxStatusOf(const std::string& sandbox_id) {
    return FindSandboxStatusOf(sandbox_id).value();
  }
  // The reason in the verbose status; empty if there is none.
  std::string ReasonOf(const std::string& sandbox_id);
  // Waits until `reached` returns true, for events on other threads. Returns false after `patience`.
  bool Eventually(const std::function<bool()>& reached,
                  std::chrono::milliseconds patience = std::chrono::seconds(60));

  // The lines of level info and above that the daemon has logged and that contain `message`.
  std::vector<std::string> Logged(const std::string& message) const EXCLUDES(lines_mutex_);

  // All resources that are still held or running, one text each: "shim ID", "cgroup PATH"... Empty if there
  // are none.
  std::vector<std::string> Leftovers() const;
  // The pods and containers that the list verbs return.
  std::vector<std::string> Listed();

  ManualClock clock;
  Steps steps;
  FakePodStore records{steps};
  FakeImages images{steps};
  FakeSnapshots snapshots{steps};
  FakeCgroups cgroups{steps};
  FakeNetwork network{steps};
  FakeShims shims{steps};

 private:
  void Start();
  void TakeLine(std::string_view line) EXCLUDES(lines_mutex_);

  std::string directory_;
  Owner owner_ = Owner::kCri;
  mutable Mutex lines_mutex_;
  std::vector<std::string> lines_ GUARDED_BY(lines_mutex_);
  Config config_;
  Logger log_;
  SeccompCompiler seccomp_;
  AppArmor apparmor_;
  SeLinux selinux_;
  std::unique_ptr<Reactor> outputs_;
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace davit::cri
