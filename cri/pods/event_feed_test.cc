// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/event_feed.h"

#include <gtest/gtest.h>

#include <string>

namespace davit::cri {
namespace {

EventFeed::Event Named(const std::string& id) {
  auto event = std::make_shared<::runtime::v1::ContainerEventResponse>();
  event->set_container_id(id);
  return event;
}

std::string NextId(EventFeed::Watcher& watcher) {
  Result<EventFeed::Event> event = watcher.Next();
  return event && *event ? (*event)->container_id() : "(none)";
}

TEST(EventFeed, EveryWatcherGetsAllEventsSinceItBegan) {
  EventFeed feed;
  EXPECT_FALSE(feed.watched());
  feed.Publish(Named("unseen"));
  auto first = feed.Watch([] {}, [] {});
  EXPECT_TRUE(feed.watched());
  feed.Publish(Named("a"));
  auto second = feed.Watch([] {}, [] {});
  feed.Publish(Named("b"));

  EXPECT_EQ(NextId(*first), "a");
  EXPECT_EQ(NextId(*first), "b");
  EXPECT_EQ(NextId(*second), "b");
  EXPECT_EQ(second->Next().value(), nullptr);
  first.reset();
  second.reset();
  EXPECT_FALSE(feed.watched());
}

TEST(EventFeed, AWatcherThatFoundNothingHearsOfNewsOnce) {
  EventFeed feed;
  int news = 0;
  auto watcher = feed.Watch([&news] { ++news; }, [] {});
  feed.Publish(Named("before the first look"));
  EXPECT_EQ(news, 0) << "it has not looked yet";
  EXPECT_EQ(NextId(*watcher), "before the first look");
  EXPECT_EQ(watcher->Next().value(), nullptr);
  feed.Publish(Named("a"));
  feed.Publish(Named("b"));
  EXPECT_EQ(news, 1);
  EXPECT_EQ(NextId(*watcher), "a");
  EXPECT_EQ(NextId(*watcher), "b");
  feed.Publish(Named("c"));
  EXPECT_EQ(news, 1) << "it has not found the end yet";
}

TEST(EventFeed, ASlowWatcherIsCutOffAndTheOthersGoOn) {
  EventFeed feed(/*most_bytes=*/3 * Named("0")->ByteSizeLong());
  int cuts = 0;
  auto slow = feed.Watch([] {}, [&] { ++cuts; });
  auto quick = feed.Watch([] {}, [] { FAIL(); });
  for (int i = 0; i < 3; ++i) {
    feed.Publish(Named(std::to_string(i)));
    EXPECT_EQ(NextId(*quick), std::to_string(i));
  }
  EXPECT_EQ(cuts, 0) << "a full queue is not too full";
  feed.Publish(Named("3"));
  feed.Publish(Named("4"));

  EXPECT_EQ(cuts, 1);
  EXPECT_EQ(slow->Next().error().code, Code::kResourceExhausted);
  EXPECT_EQ(NextId(*quick), "3");
  EXPECT_EQ(NextId(*quick), "4");
}

TEST(EventFeed, ItsEndIsTheEndOfAllWatchers) {
  EventFeed feed;
  int news = 0;
  auto watcher = feed.Watch([&news] { ++news; }, [] {});
  EXPECT_EQ(watcher->Next().value(), nullptr);
  feed.End();
  EXPECT_EQ(news, 1);
  EXPECT_EQ(watcher->Next().error().code, Code::kUnavailable);
  EXPECT_EQ(feed.Watch([] {}, [] {})->Next().error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace davit::cri
