// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/event_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace davit::cli {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

::davit::v1::Event Die() {
  ::davit::v1::Event event;
  event.set_happened_at(1'767'323'045'500'000'000);
  event.set_type("container");
  event.set_action("die");
  event.set_id("5f2a00");
  (*event.mutable_attributes())["name"] = "web";
  (*event.mutable_attributes())["image"] = "busybox";
  (*event.mutable_attributes())["exitCode"] = "3";
  return event;
}

bool Takes(const std::vector<std::string>& filters, const ::davit::v1::Event& event = Die()) {
  auto filter = EventFilter::Parse(filters);
  EXPECT_TRUE(filter) << filter.error().ToString();
  return filter->Takes(event);
}

TEST(EventFilterTest, OfEachKeyOneValueHasToMatch) {
  EXPECT_TRUE(Takes({}));
  EXPECT_TRUE(Takes({"type=container", "event=die", "container=web", "image=busybox"}));
  EXPECT_TRUE(Takes({"container=5f2a", "event=start", "event=die"}));
  EXPECT_FALSE(Takes({"container=other"}));
  EXPECT_FALSE(Takes({"container=web", "event=start"}));
  EXPECT_FALSE(Takes({"volume=web"}));
  EXPECT_FALSE(Takes({"type=network"}));
  ::davit::v1::Event health = Die();
  health.set_action("health_status: healthy");
  EXPECT_TRUE(Takes({"event=health_status"}, health));
  EXPECT_TRUE(Takes({"event=health_status: healthy"}, health));
  EXPECT_FALSE(Takes({"event=health"}, health));
}

TEST(EventFilterTest, OthersAreRefused) {
  for (const char* bad : {"colour=red", "type", "type=", "=x", ""}) {
    auto filter = EventFilter::Parse({bad});
    ASSERT_FALSE(filter) << bad;
    EXPECT_THAT(filter.error().ToString(), HasSubstr("container, event"));
  }
}

TEST(EventTimeTest, IsATimeOrHowLongAgo) {
  constexpr int64_t kNow = 1'767'323'045 * kSecond;
  EXPECT_EQ(ParseEventTime("--since", "10m", kNow), kNow - 600 * kSecond);
  EXPECT_EQ(ParseEventTime("--since", "1767322800.5", kNow), 1'767'322'800 * kSecond + kSecond / 2);
  EXPECT_EQ(ParseEventTime("--since", "2026-01-02T03:04:05Z", kNow), 1'767'323'045 * kSecond);
  EXPECT_EQ(ParseEventTime("--since", "2026-01-02", kNow), 1'767'312'000 * kSecond);
  EXPECT_EQ(ParseEventTime("--since", "0", kNow), 1);
  for (const char* bad : {"", "yesterday", "-5", "10 m"})
    EXPECT_THAT(ParseEventTime("--until", bad, kNow).error().ToString(), HasSubstr("--until")) << bad;
}

TEST(EventTextTest, IsDockers) {
  EXPECT_EQ(EventLine(Die()),
            "2026-01-02T03:04:05.500000000Z container die 5f2a00 (exitCode=3, image=busybox, name=web)");
  nlohmann::json document = EventDocument(Die());
  EXPECT_EQ(document["Type"], "container");
  EXPECT_EQ(document["Action"], "die");
  EXPECT_EQ(document["Actor"]["ID"], "5f2a00");
  EXPECT_EQ(document["Actor"]["Attributes"]["exitCode"], "3");
  EXPECT_EQ(document["time"], 1'767'323'045);
  EXPECT_EQ(document["timeNano"], 1'767'323'045'500'000'000);
  EXPECT_EQ(document["from"], "busybox");
}

}  // namespace
}  // namespace davit::cli
