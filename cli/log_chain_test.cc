// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/log_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file_io.h"
#include "cli/testing/test_support.h"

namespace davit::cli {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;

class LogChainTest : public ::testing::Test {
 protected:
  LogChainTest() { Append("one"); }

  void Append(const std::string& text) const { std::ofstream(path_, std::ios::app) << text; }
  // All files move on, the third one out, and there is a new one.
  void Rotate(const std::string& text) const {
    if (fs::exists(path_ + ".1")) fs::rename(path_ + ".1", path_ + ".2");
    fs::rename(path_, path_ + ".1");
    Append(text);
  }
  // What there is to read, "(gap)" for what is lost.
  std::vector<std::string> Texts() {
    std::vector<std::string> texts;
    for (;;) {
      bool complete = chain_->IsFirstComplete().value();
      if (chain_->first() >= 0) texts.push_back(ReadFd(chain_->first(), "log").value());
      if (!complete) return texts;
      if (Result<> left = chain_->LeaveFirst(); !left) {
        EXPECT_EQ(left.error().code, Code::kDataLoss);
        texts.emplace_back("(gap)");
      }
    }
  }
  bool BecomesOf(size_t files) const {
    for (auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
         std::chrono::steady_clock::now() < end; std::this_thread::yield())
      if (chain_->size() == files) return true;
    return false;
  }

  TempDir dir_;
  std::string path_ = dir_.path() + "/web.log";
  std::unique_ptr<LogChain> chain_ = LogChain::Open(path_).value();
};

TEST_F(LogChainTest, ReadsOnFromTheFileThatItHas) {
  ASSERT_TRUE(chain_->Extend());
  for (const char* text : {"two", "three"}) Rotate(text);
  ASSERT_TRUE(chain_->Extend());
  EXPECT_THAT(Texts(), ElementsAre("one", "two", "three"));
}

TEST_F(LogChainTest, KeepsNoUnreadFileThatARotationHasRemoved) {
  ASSERT_TRUE(chain_->Extend());
  for (const char* text : {"two", "three", "four", "five", "six", "seven"}) {
    Rotate(text);
    ASSERT_TRUE(chain_->Extend());
    EXPECT_LE(chain_->size(), 4u) << "the one that is being read and those that there are";
  }
  EXPECT_THAT(Texts(), ElementsAre("one", "(gap)", "five", "six", "seven"));
}

// The reader may be waiting for a slow reader of its output.
TEST_F(LogChainTest, KeepsUpByItself) {
  ASSERT_TRUE(chain_->KeepUp());
  ASSERT_TRUE(BecomesOf(1));
  Rotate("two");
  ASSERT_TRUE(BecomesOf(2));
  Rotate("three");
  ASSERT_TRUE(BecomesOf(3));
  fs::remove(path_);
  fs::remove_all(dir_.path());
  ASSERT_TRUE(chain_->Extend());
  EXPECT_THAT(Texts(), ElementsAre("one", "two", "three"));
}

TEST_F(LogChainTest, KnowsThatItHasMissedTheEnd) {
  ASSERT_TRUE(chain_->Extend());
  Rotate("two");
  fs::remove(path_);
  ASSERT_TRUE(chain_->Extend());
  EXPECT_THAT(Texts(), ElementsAre("one")) << "there may be another one soon";
  fs::remove_all(dir_.path());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(chain_->Extend());
  EXPECT_THAT(Texts(), ElementsAre("", "(gap)"));
}

TEST_F(LogChainTest, TakesAFileOfTwoNamesForOne) {
  fs::create_hard_link(path_, path_ + ".1");
  ASSERT_TRUE(chain_->Extend());
  EXPECT_THAT(Texts(), ElementsAre("one"));
}

}  // namespace
}  // namespace davit::cli
