// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One full example of every record, in the bytes that it has in the database. As in shim/golden_test.cc: a
// line that fails means that the daemon no longer reads what it wrote before an upgrade; a new field adds a
// line and leaves the old ones.
#include "cri/pods/pod_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/golden.h"

namespace davit::cri {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

SandboxRecord FullSandbox() {
  SandboxRecord record;
  record.id = "s1";
  record.config = "config";
  record.runtime_handler = "runc";
  record.phase = SandboxPhase::kNotReady;
  record.reason = "its shim died";
  record.created_at = 1'700'000'000'000'000'000;
  record.addresses = {"10.0.0.7", "fd00::7"};
  record.plugins = PluginLease{"/etc/cni/net.d/10.conf", "{}", "{\"ips\":[]}"};
  record.host_interface = "veth1";
  record.mac = "02:00:00:00:00:07";
  record.cgroup_parent = "/kubepods/pod1";
  record.own_cgroup_parent = true;
  record.shim_pid = 4242;
  record.shim_start_time = 987'654'321;
  record.shim_boot_id = "boot";
  record.selinux_level = "s0:c1,c2";
  return record;
}

ContainerRecord FullContainer() {
  ContainerRecord record;
  record.id = "c1";
  record.sandbox_id = "s1";
  record.config = "config";
  record.image_id = "sha256:1";
  record.image_ref = "registry/image@sha256:2";
  record.chain_ids = {"sha256:3", "sha256:4"};
  record.image_volumes = {{"sha256:5", {"sha256:6"}}};
  record.plan = "plan";
  record.resources = "resources";
  record.cgroup_path = "/kubepods/pod1/c1";
  record.log_path = "/var/log/pods/p/c/0.log";
  record.stop_signal = 3;
  record.phase = ContainerPhase::kExited;
  record.lost = true;
  record.oom_killed = true;
  record.created_at = 1'700'000'000'000'000'000;
  record.started_at = 1'700'000'000'000'000'001;
  record.finished_at = 1'700'000'000'000'000'002;
  record.exit_code = 255;
  record.reason = "Unknown";
  record.message = "lost";
  record.pid = 300;
  record.uid = 1000;
  record.gid = 100;
  record.groups = {100, 27};
  return record;
}

constexpr char kSandbox[] =
    "0a0273311206636f6e6669671a0472756e6320022a0d697473207368696d2064696564308080a8b1e39fe7cb173a0831"
    "302e302e302e373a07666430303a3a3742280a162f6574632f636e692f6e65742e642f31302e636f6e6612027b7d1a0a"
    "7b22697073223a5b5d7d4a057665746831521130323a30303a30303a30303a30303a30375a0e2f6b756265706f64732f"
    "706f6431600168922170b1d1f9d6037a04626f6f7482010873303a63312c6332";
constexpr char kContainer[] =
    "0a026331120273311a06636f6e66696722087368613235363a312a1772656769737472792f696d616765407368613235"
    "363a3232087368613235363a3332087368613235363a343a140a087368613235363a3512087368613235363a36420470"
    "6c616e4a097265736f757263657352112f6b756265706f64732f706f64312f63315a172f7661722f6c6f672f706f6473"
    "2f702f632f302e6c6f67600368037001780180018080a8b1e39fe7cb1788018180a8b1e39fe7cb1790018280a8b1e39f"
    "e7cb179801ff01a20107556e6b6e6f776eaa01046c6f7374b001ac02b801e807c00164ca0102641b";

TEST(GoldenRecords, OfPods) {
  ExpectBytes(FullSandbox(), kSandbox);
  ExpectBytes(FullContainer(), kContainer);
}

// What a release without local pods has written is read as the CRI's.
TEST(GoldenRecords, OfLocalPods) {
  SandboxRecord sandbox = FullSandbox();
  sandbox.owner = Owner::kLocal;
  ExpectBytes(sandbox, kSandbox + std::string("c03e01"));
  EXPECT_EQ(Decode<SandboxRecord>(FromHex(kSandbox), "sandbox")->owner, Owner::kCri);
  ContainerRecord container = FullContainer();
  container.kept_layer = "l1";
  ExpectBytes(container, kContainer + std::string("d201026c31"));
  EXPECT_EQ(container.WritableLayer(), "l1");
  EXPECT_EQ(FullContainer().WritableLayer(), "c1");
}

TEST(GoldenRecords, OfPodsOnUserNetworks) {
  SandboxRecord sandbox = FullSandbox();
  sandbox.owner = Owner::kLocal;
  sandbox.network = "n1";
  ExpectBytes(sandbox, kSandbox + std::string("c03e01ca3e026e31"));
}

TEST(GoldenRecords, PhasesHaveTheseNumbers) {
  EXPECT_EQ(static_cast<int>(SandboxPhase::kCreating), 0);
  EXPECT_EQ(static_cast<int>(SandboxPhase::kReady), 1);
  EXPECT_EQ(static_cast<int>(SandboxPhase::kNotReady), 2);
  EXPECT_EQ(static_cast<int>(SandboxPhase::kStopped), 3);
  EXPECT_EQ(static_cast<int>(ContainerPhase::kCreated), 0);
  EXPECT_EQ(static_cast<int>(ContainerPhase::kStarting), 1);
  EXPECT_EQ(static_cast<int>(ContainerPhase::kRunning), 2);
  EXPECT_EQ(static_cast<int>(ContainerPhase::kExited), 3);
  EXPECT_EQ(static_cast<int>(ContainerPhase::kRemoving), 4);
  EXPECT_EQ(static_cast<int>(Owner::kCri), 0);
  EXPECT_EQ(static_cast<int>(Owner::kLocal), 1);
}

TEST(PodRecords, WhatCannotBeReadIsNamed) {
  SandboxRecord of_the_future = FullSandbox();
  of_the_future.phase = static_cast<SandboxPhase>(9);
  auto read = Decode<SandboxRecord>(Encode(of_the_future), "record of sandbox s1");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kDataLoss);
  EXPECT_THAT(read.error().ToString(), AllOf(HasSubstr("record of sandbox s1"), HasSubstr("field 4")));
  EXPECT_EQ(Decode<ContainerRecord>("\xff\xff", "record of container c1").error().code, Code::kDataLoss);
}

}  // namespace
}  // namespace davit::cri
