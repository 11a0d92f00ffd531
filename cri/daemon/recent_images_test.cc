// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/recent_images.h"

#include <gtest/gtest.h>

namespace davit::cri {
namespace {

images::ImageRecord RecordOf(const std::string& id, size_t bytes = 1) {
  images::ImageRecord record;
  record.id = id;
  record.config_json = std::string(bytes, ' ');
  return record;
}

TEST(RecentImages, KeepsTheLastEight) {
  RecentImages recent;
  for (int i = 0; i <= 8; ++i) recent.Put(RecordOf(std::to_string(i)), recent.version());
  EXPECT_FALSE(recent.Find("0"));
  for (int i = 1; i <= 8; ++i) EXPECT_EQ(recent.Find(std::to_string(i))->id, std::to_string(i));
}

TEST(RecentImages, DocumentsOfMoreThan64KibAreNotKept) {
  RecentImages recent;
  recent.Put(RecordOf("fits", 65'536), recent.version());
  recent.Put(RecordOf("large", 65'537), recent.version());
  EXPECT_TRUE(recent.Find("fits"));
  EXPECT_FALSE(recent.Find("large"));
}

TEST(RecentImages, ARecordThatWasReadBeforeAChangeIsNotKept) {
  RecentImages recent;
  recent.Put(RecordOf("a"), recent.version());
  RecentImages::Version before = recent.version();
  recent.Forget("a");
  EXPECT_FALSE(recent.Find("a"));
  recent.Put(RecordOf("a"), before);
  EXPECT_FALSE(recent.Find("a"));
  recent.Put(RecordOf("a"), recent.version());
  EXPECT_TRUE(recent.Find("a"));
}

}  // namespace
}  // namespace davit::cri
