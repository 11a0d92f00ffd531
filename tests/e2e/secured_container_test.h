// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The common part of the tests of AppArmor and SELinux: containers with a security context that the test
// sets.
#pragma once

#include <functional>
#include <string>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {

class SecuredContainerTest : public PodTest {
 protected:
  using Change = std::function<void(v1::LinuxContainerSecurityContext&)>;

  static v1::ContainerConfig Config(const std::string& script, const Change& change) {
    v1::ContainerConfig config = ShellConfig(script);
    change(*config.mutable_linux()->mutable_security_context());
    return config;
  }
  // Creates the container in a new pod.
  Answer<v1::CreateContainerResponse> TryCreate(const Change& change) {
    v1::PodSandboxConfig pod_config = PodConfig();
    return PodTest::TryCreate(RunPod(pod_config), pod_config, Config("true", change));
  }
};

}  // namespace davit::e2e
