// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The fuzzer's corpus as a unit test: every file, every beginning of it, and cut in two at every place.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "base/file_io.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace davit::streaming {
namespace {

constexpr size_t kMaxPrefixes = 2'000;
constexpr size_t kCut = 1;  // where a file says it: the second byte

void Read(const std::string& content, size_t size) {
  EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(content.data()), size), 0);
}

TEST(FramesFuzz, TheCorpusIsReadAlikeHoweverItIsCut) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DAVIT_STREAMING_CORPUS)) {
    std::string content = ReadFile(entry.path()).value();
    for (size_t size = 0; size < std::min(content.size(), kMaxPrefixes); ++size) Read(content, size);
    for (size_t cut = 0; cut < std::min<size_t>(content.size(), 256); ++cut) {
      content[kCut] = static_cast<char>(cut);
      Read(content, content.size());
    }
    ++files;
  }
  EXPECT_GE(files, 20u) << "the corpus is missing";
}

}  // namespace
}  // namespace davit::streaming
