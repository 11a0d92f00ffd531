// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/event_feed.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "base/time.h"

namespace davit {
namespace {

EventFeed::Event Named(const std::string& id) {
  auto event = std::make_shared<::runtime::v1::ContainerEventResponse>();
  event->set_container_id(id);
  return event;
}

int64_t In(int64_t ms) {
  return MonotonicMilliseconds() + ms;
}

std::string NextId(EventFeed::Watcher& watcher) {
  Result<EventFeed::Event> event = watcher.Next(In(30'000));
  return event && *event ? (*event)->container_id() : "(none)";
}

TEST(EventFeed, EveryWatcherGetsAllEventsSinceItBegan) {
  EventFeed feed;
  EXPECT_FALSE(feed.watched());
  feed.Publish(Named("unseen"));
  auto first = feed.Watch([] {});
  EXPECT_TRUE(feed.watched());
  feed.Publish(Named("a"));
  auto second = feed.Watch([] {});
  feed.Publish(Named("b"));

  EXPECT_EQ(NextId(*first), "a");
  EXPECT_EQ(NextId(*first), "b");
  EXPECT_EQ(NextId(*second), "b");
  EXPECT_EQ(second->Next(In(0)).value(), nullptr);
  first.reset();
  second.reset();
  EXPECT_FALSE(feed.watched());
}

TEST(EventFeed, AWaitingWatcherIsWoken) {
  EventFeed feed;
  auto watcher = feed.Watch([] {});
  std::thread publisher([&] { feed.Publish(Named("late")); });
  EXPECT_EQ(NextId(*watcher), "late");
  publisher.join();
}

TEST(EventFeed, ASlowWatcherIsCutOffAndTheOthersGoOn) {
  EventFeed feed(/*most_bytes=*/3 * Named("0")->ByteSizeLong());
  int cuts = 0;
  auto slow = feed.Watch([&] { ++cuts; });
  auto quick = feed.Watch([] { FAIL(); });
  for (int i = 0; i < 3; ++i) {
    feed.Publish(Named(std::to_string(i)));
    EXPECT_EQ(NextId(*quick), std::to_string(i));
  }
  EXPECT_EQ(cuts, 0) << "a full queue is not too full";
  feed.Publish(Named("3"));
  feed.Publish(Named("4"));

  EXPECT_EQ(cuts, 1);
  EXPECT_EQ(slow->Next(In(30'000)).error().code, Code::kResourceExhausted);
  EXPECT_EQ(NextId(*quick), "3");
  EXPECT_EQ(NextId(*quick), "4");
}

TEST(EventFeed, ItsEndIsTheEndOfAllWatchers) {
  EventFeed feed;
  auto watcher = feed.Watch([] {});
  std::thread ender([&] { feed.End(); });
  EXPECT_EQ(watcher->Next(In(30'000)).error().code, Code::kUnavailable);
  EXPECT_EQ(feed.Watch([] {})->Next(In(30'000)).error().code, Code::kUnavailable);
  ender.join();
}

}  // namespace
}  // namespace davit
