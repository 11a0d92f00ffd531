// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A runtime over fakes: every verb works, without root and without a kernel object.
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

namespace davit {

class World {
 public:
  World();
  ~World();

  // The daemon's end and its next start over the same rows, shims and kernel. Recover follows.
  void Restart();
  Result<> Recover() { return runtime_->Recover(); }

  Runtime& runtime() { return *runtime_; }
  // To be changed before the verb that reads it.
  Config& config() { return config_; }

  // Requests that work, to be changed by a test.
  v1::RunPodSandboxRequest SandboxRequest(const std::string& name = "pod") const;
  v1::CreateContainerRequest ContainerRequest(const std::string& sandbox_id,
                                              const std::string& name = "app") const;

  // Verbs with a deadline that no test reaches.
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
  v1::ContainerStatus StatusOf(const std::string& container_id);
  v1::PodSandboxStatus SandboxStatusOf(const std::string& sandbox_id);
  // Waits, for what happens on other threads.
  bool Eventually(const std::function<bool()>& reached);

  // What is held or running anywhere, one text each: "shim ID", "cgroup PATH"... Empty when nothing is left.
  std::vector<std::string> Leftovers() const;
  // What the verbs claim beside the kernel's objects: listed pods and containers.
  std::vector<std::string> Listed();

  Steps steps;
  FakePodStore records{steps};
  FakeImages images{steps};
  FakeSnapshots snapshots{steps};
  FakeCgroups cgroups{steps};
  FakeNetwork network{steps};
  FakeShims shims{steps};

 private:
  void Start();

  std::string directory_;
  Config config_;
  Logger log_;
  SeccompCompiler seccomp_;
  AppArmor apparmor_;
  SeLinux selinux_;
  std::unique_ptr<Reactor> outputs_;
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace davit
