// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The fixture of the tests that choose the network of a node.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {

class NetworkTest : public OwnInstanceTest {
 protected:
  // Two numbers that no other instance on this host is likely to have.
  NetworkTest()
      : tag_(instance().bridge().substr(3)),
        number_(std::to_string(std::stoi(tag_.substr(0, 2), nullptr, 16)) + "." +
                std::to_string(std::stoi(tag_.substr(2, 2), nullptr, 16) & 0xfe)) {}

  std::string AddressOf(const std::string& pod) { return PodStatusOf(pod).network().ip(); }

  v1::RuntimeCondition NetworkCondition() {
    v1::StatusResponse response = Must(cri().Ask(&RuntimeStub::Status, v1::StatusRequest()));
    for (const v1::RuntimeCondition& condition : response.status().conditions())
      if (condition.type() == "NetworkReady") return condition;
    throw std::runtime_error("no condition NetworkReady");
  }

  // The network is looked at in the background, soon after a change.
  v1::RuntimeCondition WaitForNetwork(bool ready, const std::string& message = "") {
    v1::RuntimeCondition condition;
    WaitUntil("NetworkReady is " + std::string(ready ? "true" : "false, " + message), [&] {
      condition = NetworkCondition();
      return condition.status() == ready && condition.message().find(message) != std::string::npos;
    });
    return condition;
  }

  Answer<v1::UpdateRuntimeConfigResponse> SetPodCidr(const std::string& cidr) {
    v1::UpdateRuntimeConfigRequest request;
    request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(cidr);
    return cri().Ask(&RuntimeStub::UpdateRuntimeConfig, request);
  }

  // Adds these settings to the daemon's configuration and starts it again.
  void Set(const std::string& toml) {
    std::filesystem::create_directory(instance().directory() + "/config.d");
    std::ofstream(instance().directory() + "/config.d/network.toml") << toml;
    KillAndRestart();
  }
  void SetMode(const std::string& mode) { Set("[network]\nmode = \"" + mode + "\"\n"); }

  Answer<v1::RunPodSandboxResponse> TryToRunPod() {
    v1::RunPodSandboxRequest request;
    *request.mutable_config() = PodConfig();
    return cri().Ask(&RuntimeStub::RunPodSandbox, request);
  }

  nlohmann::json NetworkInfo() {
    v1::StatusRequest request;
    request.set_verbose(true);
    return nlohmann::json::parse(Must(cri().Ask(&RuntimeStub::Status, request)).info().at("network"));
  }

  void KillAndRestart() {
    instance().Kill();
    instance().Restart();
    Reconnect();
  }

  std::string tag_;
  std::string number_;
};

}  // namespace davit::e2e
