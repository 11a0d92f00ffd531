// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/image_prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace davit::cri {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;

auto WithId(const std::string& id) {
  return Field("id", &images::ImageSummary::id, id);
}

class RemoveUnusedTest : public ::testing::Test {
 protected:
  RemoveUnusedTest() {
    for (const char* id : {"a", "b", "c"}) {
      images_.emplace_back();
      images_.back().id = id;
    }
  }
  Result<std::vector<images::ImageSummary>> Run(
      const std::function<Result<>(const std::string& id)>& remove) {
    return RemoveUnused(
        images_, [this](const images::ImageSummary& image) { return !used_.contains(image.id); }, remove);
  }

  std::vector<images::ImageSummary> images_;
  std::set<std::string> used_;
};

TEST_F(RemoveUnusedTest, KeepsWhatIsUsedOnlySinceThePruneHasBegun) {
  auto kept = Run([this](const std::string& id) -> Result<> {
    if (id == "a") used_.insert("b");  // a container is created while the first one is removed
    return {};
  });
  ASSERT_TRUE(kept);
  EXPECT_THAT(*kept, ElementsAre(WithId("b")));
  EXPECT_THAT(images_, ElementsAre(WithId("a"), WithId("c")));
}

TEST_F(RemoveUnusedTest, EndsWithTheFirstError) {
  std::vector<std::string> tried;
  auto kept = Run([&](const std::string& id) -> Result<> {
    tried.push_back(id);
    return Fail(Code::kInternal, "remove", id, "disk error");
  });
  EXPECT_FALSE(kept);
  EXPECT_THAT(tried, ElementsAre("a"));
}

}  // namespace
}  // namespace davit::cri
