// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/rollback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace davit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Rollback, UndoesInReverseOrder) {
  std::vector<int> undone;
  {
    Rollback rollback;
    rollback.Add([&] { undone.push_back(1); });
    rollback.Add([&] { undone.push_back(2); });
    EXPECT_THAT(undone, IsEmpty());
  }
  EXPECT_THAT(undone, ElementsAre(2, 1));
}

TEST(Rollback, AnUndoThatThrowsKeepsNoOtherFromRunning) {
  std::vector<int> undone;
  auto operation = [&] {
    Rollback rollback;
    rollback.Add([&] { undone.push_back(1); });
    rollback.Add([] { throw std::runtime_error("undo"); });
    throw std::out_of_range("step");
  };
  EXPECT_THROW(operation(), std::out_of_range);
  EXPECT_THAT(undone, ElementsAre(1));
}

TEST(Rollback, UndoesNothingAfterDismiss) {
  bool undone = false;
  {
    Rollback rollback;
    rollback.Add([&] { undone = true; });
    rollback.Dismiss();
  }
  EXPECT_FALSE(undone);
}

TEST(Rollback, AStepThatComesAfterDismissIsUndone) {
  std::vector<int> undone;
  {
    Rollback rollback;
    rollback.Add([&] { undone.push_back(1); });
    rollback.Dismiss();
    rollback.Add([&] { undone.push_back(2); });
  }
  EXPECT_THAT(undone, ElementsAre(2));
}

}  // namespace
}  // namespace davit
