// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The node's network in a network namespace of the test, with plugins that are scripts.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/ns_handle.h"
#include "cni/names.h"
#include "cni/netns_pin.h"
#include "cni/testing/test_world.h"
#include "cri/network/node_network.h"

namespace davit::cri {

namespace fs = std::filesystem;
namespace v1 = ::runtime::v1;
using namespace std::chrono_literals;

constexpr auto kBound = 20s;

class NodeNetworkTest : public cni::NetworkTest {
 protected:
  void SetUp() override {
    cni::NetworkTest::SetUp();
    std::string name = fs::temp_directory_path() / "davit-node-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    for (const char* sub : {"conf", "bin", "pins"}) fs::create_directory(dir_ + "/" + sub);
    options_.bridge = Config();
    options_.plugin_pods.conf_dir = dir_ + "/conf";
    options_.plugin_pods.plugins.bin_dirs = {dir_ + "/bin"};
    options_.plugin_pods.plugins.cache_dir = dir_ + "/cache";
    options_.plugin_pods.plugins.cache_owner = "test";
    options_.plugin_pods.pin_dir = dir_ + "/pins";
    options_.health.period = 1h;  // only looks that the test causes
    options_.health.idle_period = 1h;
    options_.health.retry = 1h;
    options_.health.quiet = 0ms;
    options_.first_look = kBound;
  }
  void TearDown() override {
    network_.reset();
    for (const auto& pin : fs::directory_iterator(dir_ + "/pins")) umount2(pin.path().c_str(), MNT_DETACH);
    fs::remove_all(dir_);
    cni::NetworkTest::TearDown();
  }

  void Start(const std::vector<RecordedPod>& pods = {}) {
    network_ = NodeNetwork::Open(options_, pod_cidr_, log_).value();
    problems_ = network_->Recover(pods);
  }
  // As the next daemon finds the pods.
  void Restart(const std::vector<RecordedPod>& pods) {
    network_.reset();
    Start(pods);
  }
  void RestartWithMode(NodeNetwork::Mode mode, const std::vector<RecordedPod>& pods) {
    options_.mode = mode;
    Restart(pods);
  }
  Result<> Judgement() {
    EXPECT_TRUE(network_->AwaitLook(kBound));
    return network_->Check();
  }

  // A plugin that writes its calls to calls() and its last input to a file, answers with an address and does
  // `extra` before.
  void Install(const std::string& plugin, const std::string& extra = "") const {
    std::ofstream(dir_ + "/bin/" + plugin)
        << "#!/bin/sh\necho " << plugin << " $CNI_COMMAND netns=${CNI_NETNS:+there} >> " << dir_ << "/calls\n"
        << "cat > " << dir_ << "/input\n"
        << extra << "\n"
        << R"(echo '{"cniVersion": "1.0.0", "ips": [{"address": "192.0.2.77/24"}]}')" << "\n";
    ASSERT_EQ(chmod((dir_ + "/bin/" + plugin).c_str(), 0755), 0);
  }
  static std::string Refuse(const std::string& command, int code = 100) {
    return "[ $CNI_COMMAND != " + command + R"( ] || { echo '{"code": )" + std::to_string(code) +
           R"(, "msg": "not today"}'; exit 1; })";
  }
  // Before Start: the mode, too.
  void Configure(const std::string& plugin, const std::string& version = "1.0.0") {
    options_.mode = NodeNetwork::Mode::kPlugins;
    std::ofstream(dir_ + "/new") << R"({"cniVersion": ")" << version << R"(", "name": "pods", "type": ")"
                                 << plugin << "\"}";
    fs::rename(dir_ + "/new", ConfFile());
  }
  std::string ConfFile() const { return dir_ + "/conf/10-pods.conf"; }
  std::vector<std::string> Calls() const {
    std::vector<std::string> calls;
    std::ifstream file(dir_ + "/calls");
    for (std::string line; std::getline(file, line);) calls.push_back(line);
    return calls;
  }
  std::string Pin(const RecordedPod& pod) const { return cni::NetnsPin(dir_ + "/pins", pod.record.id); }

  std::string CacheFile(const RecordedPod& pod) const {
    return dir_ + "/cache/results/pods-" + pod.record.id + "-eth0";
  }

  RecordedPod RunPod(int32_t host_port = 0, const v1::PodSandboxConfig& config = {}) {
    RecordedPod pod;
    pod.config = config;
    pod.record.id = NewId().value();
    if (host_port != 0) {
      v1::PortMapping& port = *pod.config.add_port_mappings();
      port.set_host_port(host_port);
      port.set_container_port(80);
    }
    namespaces_.push_back(cni::NetNs::Make());
    Result<> chosen = network_->Choose(pod.record);
    EXPECT_TRUE(chosen) << chosen.error().ToString();
    Result<> attached = network_->Attach(pod.config, namespaces_.back().fd(), pod.record);
    EXPECT_TRUE(attached) << attached.error().ToString();
    return pod;
  }
  Result<Leftovers> Detach(const RecordedPod& pod) { return network_->Detach(pod.config, pod.record); }

  Result<> ChooseForNextPod() {
    SandboxRecord record;
    record.id = NewId().value();
    return network_->Choose(record);
  }

  bool BridgeExists() const { return host_->Shell("ip -o link").contains("davit0"); }
  // Something of that name in the bridge's place.
  void PutAnotherLinkInPlaceOfTheBridge() {
    // The reconciler may be faster.
    host_->Shell(
        "for i in $(seq 100); do ip link delete davit0; ip link add davit0 type bridge && exit 0; done; exit "
        "1");
  }

  std::string dir_;
  NodeNetwork::Options options_;
  StoredSetting pod_cidr_{"", [this](const std::string& cidr) {
                            pod_cidr_.value = cidr;
                            return Result<>();
                          }};
  Logger log_{STDERR_FILENO, LogLevel::kError};
  std::unique_ptr<NodeNetwork> network_;
  std::map<std::string, Error> problems_;
  std::vector<cni::NetNs> namespaces_;
};

}  // namespace davit::cri
