// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Runs a fuzzer's inputs as a test: what a fuzzer has found once stays found (CMakeLists.txt, davit_fuzzer).
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "base/file_io.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace davit {
namespace {

TEST(Corpus, IsReadToItsEnd) {
  size_t replayed = 0;
  for (const auto& file : std::filesystem::directory_iterator(DAVIT_CORPUS)) {
    SCOPED_TRACE(file.path());
    Result<std::string> text = ReadFile(file.path());
    ASSERT_TRUE(text) << text.error().ToString();
    // A copy of exactly this size, so that AddressSanitizer sees a read behind its end.
    std::vector<uint8_t> input(text->begin(), text->end());
    EXPECT_EQ(LLVMFuzzerTestOneInput(input.data(), input.size()), 0);
    ++replayed;
  }
  EXPECT_GT(replayed, 0u);
}

}  // namespace
}  // namespace davit
