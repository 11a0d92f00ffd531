// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The fuzzer's corpus, once, with every beginning of every file: those of a text are what a plugin leaves
// that dies while it writes.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>

#include "base/file_io.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace davit::cni {
namespace {

constexpr size_t kMaxPrefixes = 2'000;

TEST(PluginsFuzz, TheCorpusIsRead) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DAVIT_CNI_CORPUS)) {
    SCOPED_TRACE(entry.path());
    std::string content = ReadFile(entry.path()).value();
    const auto* bytes = reinterpret_cast<const uint8_t*>(content.data());
    EXPECT_EQ(LLVMFuzzerTestOneInput(bytes, content.size()), 0);
    for (size_t size = 0; size < std::min(content.size(), kMaxPrefixes); ++size)
      EXPECT_EQ(LLVMFuzzerTestOneInput(bytes, size), 0);
    ++files;
  }
  EXPECT_GE(files, 12u) << "where is the corpus?";
}

}  // namespace
}  // namespace davit::cni
