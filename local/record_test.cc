// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A full example in the bytes that it has in the database. A line that fails means that the daemon no longer
// reads what it wrote before an upgrade; a new field adds a line and leaves the old ones.
#include "local/record.h"

#include <gtest/gtest.h>

#include "base/testing/golden.h"
#include "local/network_record.h"

namespace davit::local {
namespace {

TEST(GoldenRecords, OfLocalContainers) {
  LocalRecord record;
  record.id = "c1";
  record.name = "web";
  record.image_id = "sha256:1";
  record.chain_ids = {"sha256:2"};
  record.created_at = 1;
  record.status = Status::kExited;
  record.stopped = true;
  record.next = Next::kRestart;
  record.started_at = 2;
  record.finished_at = 3;
  record.exit_code = 137;
  record.oom_killed = true;
  record.error = "lost";
  record.restart_count = 4;
  record.quick_ends = 5;
  record.run = 6;
  record.stop_signal = 3;
  record.remove_volumes = true;
  record.update = "update";
  record.gone = true;  // in memory only, as what follows it in the struct
  record.attempts = 9;
  ExpectBytes(record,
              "0a026331120377656222087368613235363a312a087368613235363a3238014004480150015802600368890170"
              "017a046c6f7374800104880105900106980103"
              "c00201ca0206757064617465");
  EXPECT_EQ(static_cast<int>(Status::kCreated), 0);
  EXPECT_EQ(static_cast<int>(Status::kStarting), 1);
  EXPECT_EQ(static_cast<int>(Status::kRunning), 2);
  EXPECT_EQ(static_cast<int>(Status::kEnding), 3);
  EXPECT_EQ(static_cast<int>(Status::kExited), 4);
  EXPECT_EQ(static_cast<int>(Status::kRemoving), 5);
  EXPECT_EQ(static_cast<int>(Status::kMaking), 6);
  EXPECT_EQ(static_cast<int>(Next::kNothing), 0);
  EXPECT_EQ(static_cast<int>(Next::kRestart), 1);
  EXPECT_EQ(static_cast<int>(Next::kRemove), 2);
}

TEST(GoldenRecords, OfSpecsOfLocalContainers) {
  LocalSpecRecord record;
  record.spec = "spec";
  record.command_line = {"nginx", "-g"};
  ExpectBytes(record, "0a047370656312056e67696e7812022d67");
  record.volumes = {{"v", "/t", /*read_only=*/true, /*no_copy=*/false, /*anonymous=*/true}};
  ExpectBytes(record,
              "0a047370656312056e67696e7812022d67"
              "c23e0d0a017612022f74180120002801");
}

TEST(GoldenRecords, OfVolumes) {
  VolumeRecord record;
  record.name = "data";
  record.created_at = 1;
  record.anonymous = true;
  record.labels = {{"k", "v"}};
  ExpectBytes(record, "0a04646174611001180122060a016b120176");
}

TEST(GoldenRecords, OfNetworks) {
  NetworkRecord record;
  record.id = "n1";
  record.name = "net";
  record.spec = "spec";
  record.bridge = "davit0123456789";
  record.created_at = 1;
  ExpectBytes(record, "0a026e3112036e65741a0473706563220f6461766974303132333435363738392801");
}

}  // namespace
}  // namespace davit::local
