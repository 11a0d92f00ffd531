// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/staged_files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "images/digest.h"
#include "images/testing/blob_recorder.h"
#include "images/testing/scratch_dir.h"

namespace davit::images {
namespace {

// A file may be the layer of many images, under many names.
TEST(StagedFilesTest, AFileIsReadOnceForItsDigest) {
  ScratchDir dir;
  std::ofstream(dir / "one") << "content";
  std::filesystem::create_hard_link(dir / "one", dir / "two");
  std::filesystem::create_symlink("one", dir / "three");
  Interrupt interrupt([] { return true; });
  StagedFiles files(UniqueFd(open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  auto digest = files.DigestOf("one", "sha256", interrupt);
  ASSERT_TRUE(digest) << digest.error().ToString();
  EXPECT_EQ(*digest, *Sha256Of("content"));
  std::ofstream(dir / "one") << "changed";  // shows whether it is read again
  EXPECT_EQ(*files.DigestOf("two", "sha256", interrupt), *digest);
  EXPECT_EQ(*files.DigestOf("three", "sha256", interrupt), *digest);
  std::ofstream(dir / "other") << "other";
  EXPECT_EQ(*files.DigestOf("other", "sha256", interrupt), *Sha256Of("other"));
}

TEST(StagedFilesTest, AFileThatIsNotTheBlobIsReadOnce) {
  ScratchDir dir;
  std::ofstream(dir / "file") << "content";
  Interrupt interrupt([] { return true; });
  StagedFiles files(UniqueFd(open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  for (int begins : {1, 0}) {
    std::string digest = *Sha256Of("other " + std::to_string(begins));
    StagedBlobSource source(files, {{digest, "file"}}, interrupt);
    BlobRecorder sink;
    auto sent = source.Send({"", digest, 7, {}, {}}, sink);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Code::kDataLoss);
    EXPECT_EQ(sink.begins, begins);
  }
}

}  // namespace
}  // namespace davit::images
