// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/start_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;

class StartCheckTest : public Store {
 protected:
  // A boot after which one layer is damaged.
  void Boot() {
    config_.retention.unfinished_ms = 3'600'000;
    FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
    auto pulled = Pull(server.host() + "/app:v1");
    ASSERT_TRUE(pulled) << pulled.error().ToString();
    layers_.damaged[pulled->chain_ids[1]] = CheckDepth::kEntries;
    layers_.rebooted = true;
    Reopen();
    name_ = server.host() + "/app:v1";
  }
  std::string name_;
};

TEST_F(StartCheckTest, ReportsOnceWhatItFound) {
  Boot();
  std::promise<StartFindings> found;
  StartCheck check(*store_, [&found](const StartFindings& findings) { found.set_value(findings); });
  EXPECT_THAT(found.get_future().get().postponed, ElementsAre(name_)) << "its registry does not answer";
}

TEST_F(StartCheckTest, WhatCannotBeRestoredYetIsTriedAgain) {
  config_.retention.blobs = true;
  Reopen();
  Boot();
  layers_.fail_stage_with = ENOSPC;
  std::promise<StartFindings> restored;
  auto report = [&](const StartFindings& findings) {
    layers_.fail_stage_with = 0;
    if (findings.postponed.empty()) restored.set_value(findings);
  };
  StartCheck check(*store_, report, std::chrono::milliseconds(1));
  EXPECT_THAT(restored.get_future().get().repaired, ElementsAre(name_));
}

TEST_F(StartCheckTest, AnEndedOneForgetsNothing) {
  Boot();
  Interrupt unwanted([] { return false; });
  EXPECT_THAT(store_->CheckAfterStart(unwanted).forgotten, ::testing::IsEmpty());
  EXPECT_THAT(records_.records, ::testing::SizeIs(1));
}

}  // namespace
}  // namespace davit::images
