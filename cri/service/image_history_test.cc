// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/image_history.h"

#include <gmock/gmock.h>

namespace davit::cri {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ImageHistory, AssignsLayersToTheStepsThatMadeThem) {
  auto steps = ReadHistory(R"({"history":[
      {"created":"2024-05-01T00:00:00Z","created_by":"ADD rootfs.tar","comment":"base"},
      {"created_by":"ENV A=b","empty_layer":true},
      {"created_by":"RUN true"}]})");
  ASSERT_THAT(steps, SizeIs(3));
  EXPECT_EQ(steps[0].created, "2024-05-01T00:00:00Z");
  EXPECT_EQ(steps[0].created_by, "ADD rootfs.tar");
  EXPECT_EQ(steps[0].comment, "base");
  EXPECT_EQ(steps[0].layer, 0u);
  EXPECT_EQ(steps[1].layer, std::nullopt);
  EXPECT_EQ(steps[2].layer, 1u);
}

TEST(ImageHistory, TakesAnythingForAConfig) {
  for (const char* config : {"", "[]", "{}", R"({"history":7})", R"({"history":null})"})
    EXPECT_THAT(ReadHistory(config), IsEmpty()) << config;
  auto steps = ReadHistory(R"({"history":[7,null,{"created":1,"created_by":[],"empty_layer":"yes"}]})");
  ASSERT_THAT(steps, SizeIs(3));
  EXPECT_EQ(steps[2].created_by, "");
}

TEST(ImageHistory, IsBounded) {
  std::string config = R"({"history":[{})";
  for (int i = 0; i < 100'000; ++i) config += ",{}";
  EXPECT_THAT(ReadHistory(config + "]}"), SizeIs(1000));
}

}  // namespace
}  // namespace davit::cri
