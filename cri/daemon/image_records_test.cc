// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/image_records.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/file_io.h"
#include "base/testing/golden.h"
#include "cri/daemon/image_blob.h"

namespace davit::cri {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

images::ImageRecord Full() {
  images::ImageRecord record;
  record.id = "sha256:1";
  record.chain_ids = {"sha256:2", "sha256:3"};
  record.repo_tags = {"registry.test/a:1"};
  record.repo_digests = {"registry.test/a@sha256:4"};
  record.user = "1000:100";
  record.size = 5'000'000'000;
  record.pinned = true;
  record.config_json = R"({"config":{"User":"1000:100"}})";
  record.manifest_json = "{}";
  return record;
}

// As in shim/golden_test.cc.
TEST(GoldenRecords, OfImages) {
  ExpectBytes(
      ImageBlob{Full(), "1000:100", std::nullopt, std::nullopt},
      "0a087368613235363a3112087368613235363a3212087368613235363a331a1172656769737472792e746573742f613a"
      "31221872656769737472792e746573742f61407368613235363a342a1e7b22636f6e666967223a7b2255736572223a22"
      "313030303a313030227d7d32027b7d3880e497d01240014a08313030303a313030");
}

TEST(GoldenRecords, OfImagesWhoseBlobsAreKept) {
  ExpectBytes(
      ImageBlob{Full(), "1000:100", true, std::nullopt},
      "0a087368613235363a3112087368613235363a3212087368613235363a331a1172656769737472792e746573742f613a"
      "31221872656769737472792e746573742f61407368613235363a342a1e7b22636f6e666967223a7b2255736572223a22"
      "313030303a313030227d7d32027b7d3880e497d01240014a08313030303a3130305001");
}

TEST(GoldenRecords, OfImagesThatWerePulledByDigest) {
  ExpectBytes(
      ImageBlob{Full(), "1000:100", std::nullopt, true},
      "0a087368613235363a3112087368613235363a3212087368613235363a331a1172656769737472792e746573742f613a"
      "31221872656769737472792e746573742f61407368613235363a342a1e7b22636f6e666967223a7b2255736572223a22"
      "313030303a313030227d7d32027b7d3880e497d01240014a08313030303a3130305801");
}

TEST(GoldenRecords, OfImagesWithTheirIndexes) {
  images::ImageRecord record = Full();
  record.indexes = {{"sha256:5", "{}"}, {"sha256:6", "[]"}};
  ExpectBytes(
      ImageBlob{record, "1000:100", std::nullopt, std::nullopt},
      "0a087368613235363a3112087368613235363a3212087368613235363a331a1172656769737472792e746573742f613a"
      "31221872656769737472792e746573742f61407368613235363a342a1e7b22636f6e666967223a7b2255736572223a22"
      "313030303a313030227d7d32027b7d3880e497d01240014a08313030303a313030620e0a087368613235363a3512027b"
      "7d620e0a087368613235363a3612025b5d");
}

// As releases wrote it that read the user from the config each time.
TEST(GoldenRecords, OfImagesWithoutTheirUser) {
  images::ImageRecord record = Full();
  record.config_json = "{\"architecture\":\"amd64\"}";
  ExpectBytes(
      ImageBlob{record, std::nullopt, std::nullopt, std::nullopt},
      "0a087368613235363a3112087368613235363a3212087368613235363a331a1172656769737472792e746573742f613a"
      "31221872656769737472792e746573742f61407368613235363a342a187b22617263686974656374757265223a22616d"
      "643634227d32027b7d3880e497d0124001");
}

class ImageRecordsTest : public ::testing::Test {
 protected:
  ImageRecordsTest() {
    char dir[] = "/tmp/davit-image-records-XXXXXX";
    EXPECT_NE(mkdtemp(dir), nullptr);
    dir_ = dir;
    log_file_ = *OpenAt(AT_FDCWD, dir_ + "/log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    database_ = *Records::Open(dir_ + "/records.db");
  }
  ~ImageRecordsTest() override {
    database_.reset();
    std::filesystem::remove_all(dir_);
  }

  std::string dir_;
  UniqueFd log_file_;
  std::unique_ptr<Records> database_;
};

TEST_F(ImageRecordsTest, ARowOfAnEarlierReleaseGetsItsUserFromItsConfig) {
  Logger log(log_file_.get(), LogLevel::kInfo);
  DatabaseImageRecords images(*database_, log);
  ASSERT_TRUE(database_->PutImageDurably(
      {"sha256:1", Encode(ImageBlob{Full(), std::nullopt, std::nullopt, std::nullopt})}));
  EXPECT_THAT(*images.All(), ElementsAre(static_cast<images::ImageSummary>(Full())));
  EXPECT_EQ(*images.Get("sha256:1"), Full());
}

TEST_F(ImageRecordsTest, ANewSummaryKeepsTheDocuments) {
  Logger log(log_file_.get(), LogLevel::kInfo);
  DatabaseImageRecords images(*database_, log);
  images::ImageRecord record = Full();
  record.keeps_blobs = record.pulled_by_digest = true;
  record.indexes = {{"sha256:5", "{}"}};
  ASSERT_TRUE(images.Put(record));
  ASSERT_TRUE(images.Get(record.id));
  record.repo_tags = {"registry.test/a:2"};
  ASSERT_TRUE(images.PutSummary(record));
  EXPECT_EQ(*images.GetWithIndexes(record.id), record);
  record.id = "sha256:unknown";
  EXPECT_EQ(images.PutSummary(record).error().code, Code::kNotFound);
  EXPECT_EQ(images.Get(record.id).error().code, Code::kNotFound);
}

TEST_F(ImageRecordsTest, WhatIsReadIsWhatIsStored) {
  Logger log(log_file_.get(), LogLevel::kInfo);
  DatabaseImageRecords images(*database_, log);
  images::ImageRecord record = Full();
  ASSERT_TRUE(images.Put(record));
  ASSERT_EQ(*images.Get(record.id), record);
  record.repo_tags = {"registry.test/a:2"};
  ASSERT_TRUE(images.PutSummary(record));
  EXPECT_EQ(*images.Get(record.id), record);
  ASSERT_TRUE(images.Remove(record.id));
  EXPECT_EQ(images.Get(record.id).error().code, Code::kNotFound);
}

// They may be large, and CreateContainer needs none of them.
TEST_F(ImageRecordsTest, RecentRecordsAreKeptWithoutTheirIndexes) {
  Logger log(log_file_.get(), LogLevel::kInfo);
  DatabaseImageRecords images(*database_, log);
  images::ImageRecord record = Full();
  record.indexes = {{"sha256:5", std::string(RecentImages::kDocumentBytes, ' ')}};
  ASSERT_TRUE(images.Put(record));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(*images.Get(record.id), Full());
    EXPECT_EQ(*images.GetWithIndexes(record.id), record);
  }
}

TEST_F(ImageRecordsTest, OneThatCannotBeReadDoesNotHideTheOthers) {
  Logger log(log_file_.get(), LogLevel::kInfo);
  DatabaseImageRecords images(*database_, log);
  ASSERT_TRUE(images.Put(Full()));
  ASSERT_TRUE(database_->PutImageDurably({"sha256:bad", "\xff\xff"}));

  auto all = images.All();

  ASSERT_TRUE(all) << all.error().ToString();
  EXPECT_THAT(*all, ElementsAre(static_cast<images::ImageSummary>(Full())));
  EXPECT_THAT(*ReadFile(dir_ + "/log"), HasSubstr("sha256:bad"));
  EXPECT_EQ(database_->Images()->size(), 2U) << "its row is kept for a daemon that can read it";
}

}  // namespace
}  // namespace davit::cri
