// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One full example of every record, in the bytes that it has in the database. As in shim/golden_test.cc: a
// line that fails means that the daemon no longer reads what it wrote before an upgrade; a new field adds a
// line and leaves the old ones.
#include "cri/pods/pod_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/golden.h"

namespace davit {
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

TEST(GoldenRecords, OfPods) {
  ExpectBytes(FullSandbox(), "");
  ExpectBytes(FullContainer(), "");
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
}  // namespace davit
