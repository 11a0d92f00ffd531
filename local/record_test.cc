// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A full example in the bytes that it has in the database. A line that fails means that the daemon no longer
// reads what it wrote before an upgrade; a new field adds a line and leaves the old ones.
#include "local/record.h"

#include <gtest/gtest.h>

#include "base/testing/golden.h"

namespace davit::local {
namespace {

TEST(GoldenRecords, OfLocalContainers) {
  LocalRecord record;
  record.id = "c1";
  record.name = "web";
  record.spec = "spec";
  record.image_id = "sha256:1";
  record.chain_ids = {"sha256:2"};
  record.command_line = {"nginx", "-g"};
  record.created_at = 1;
  record.status = Status::kExited;
  record.stopped = true;
  record.outcome_known = true;
  record.started_at = 2;
  record.finished_at = 3;
  record.exit_code = 137;
  record.oom_killed = true;
  record.error = "lost";
  record.restart_count = 4;
  record.quick_ends = 5;
  record.starts = 6;
  record.ends = 7;
  record.volumes = {{"v", "/t", /*read_only=*/true, /*no_copy=*/false, /*anonymous=*/true}};
  record.making = true;
  record.remove_volumes = true;
  record.gone = true;  // in memory only
  ExpectBytes(record,
              "0a02633112037765621a047370656322087368613235363a312a087368613235363a3232056e67696e7832022d"
              "6738014002480150015802600368890170017a046c6f7374800104880105900106980107c2020d0a017612022f7418"
              "0120002801c80201d00201");
  EXPECT_EQ(static_cast<int>(Status::kCreated), 0);
  EXPECT_EQ(static_cast<int>(Status::kRunning), 1);
  EXPECT_EQ(static_cast<int>(Status::kExited), 2);
  EXPECT_EQ(static_cast<int>(Status::kRemoving), 3);
}

TEST(GoldenRecords, OfVolumes) {
  VolumeRecord record;
  record.name = "data";
  record.created_at = 1;
  record.anonymous = true;
  record.labels = {{"k", "v"}};
  ExpectBytes(record,
              "0a0464617461100118012206"
              "0a016b120176");
}

}  // namespace
}  // namespace davit::local
