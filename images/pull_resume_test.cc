// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pulls that end early, and what the next one need not fetch again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "images/digest.h"
#include "images/layer_fetch.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kCutAfter = 2 << 20;

std::string Noise(size_t size) {
  std::mt19937 random(1);
  std::string data(size, '\0');
  for (char& c : data) c = static_cast<char>(random());
  return data;
}

// An image of a small layer and one of 4 MiB that does not compress, on a server that can cut.
class Resume : public Store {
 protected:
  void SetUp() override {
    config_.retention.unfinished_ms = 3'600'000;
    config_.retention.min_free_percent = 0;
    config_.retry.attempts = 1;
    Store::SetUp();
  }
  FakeResponse Answer(const FakeRequest& request) {
    FakeResponse response = ServeRange(Serve(image_, request), request);
    if (!request.target.ends_with(digest_)) return response;
    bool goes_on = !request.Header("range").empty();
    if (answer_ != 0 && goes_on) return {answer_, {}, "", -1, false};
    if (answer_ != 0) response.cut_after = kCutAfter;
    return response;
  }
  void FailToPull() {
    EXPECT_FALSE(Pull(server_.host() + "/app"));
    EXPECT_GT(std::filesystem::file_size(PartialFile()), kCutAfter - 4096);
    answer_ = 0;
  }
  // The Range headers of the requests for the big layer, "" for none.
  std::vector<std::string> Ranges() {
    std::vector<std::string> ranges;
    for (const FakeRequest& request : server_.requests())
      if (request.target.ends_with(digest_)) ranges.push_back(request.Header("range"));
    return ranges;
  }
  Result<PulledImage> PullAfterRestart() {
    Reopen();
    return Pull(server_.host() + "/app");
  }
  std::string PartialFile() { return scratch_ / ("blobs/partial/sha256-" + digest_.substr(7)); }

  const std::string noise_ = Noise(4 << 20);
  TestImage image_ = TestImage::Make({GzipLayer(TarBuilder().File("small", "s").Finish()),
                                      GzipLayer(TarBuilder().File("big", noise_).Finish())});
  const std::string digest_ = *Sha256Of(image_.layers[1].blob);
  std::atomic<int> answer_ = 404;  // status instead of the rest of the big layer; 0: the rest
  FakeServer server_{[this](const FakeRequest& request) { return Answer(request); }};
};

TEST_F(Resume, APullGoesOnWhereTheLastOneEnded) {
  FailToPull();
  auto pulled = PullAfterRestart();
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(Content(*pulled, 1, "big"), noise_);
  std::vector<std::string> ranges = Ranges();
  ASSERT_THAT(ranges, SizeIs(3));
  EXPECT_EQ(ranges[2], ranges[1]) << "not one byte twice";
  EXPECT_THAT(*blobs_->List(), IsEmpty()) << "what is unpacked is not kept";
}

TEST_F(Resume, AHostThatKnowsNoRangesSendsItAgain) {
  FailToPull();
  FakeServer old([this](const FakeRequest& request) { return Serve(image_, request); });
  Reopen();
  auto pulled = Pull(old.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(Content(*pulled, 1, "big"), noise_);
}

TEST_F(Resume, APartialBlobThatTurnsOutWrongIsFetchedAgainOnce) {
  FailToPull();
  config_.retry.attempts = 2;
  std::fstream(PartialFile(), std::ios::in | std::ios::out).seekp(1 << 20) << "not what the host sent";
  auto pulled = PullAfterRestart();
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(Content(*pulled, 1, "big"), noise_);
  ASSERT_THAT(Ranges(), SizeIs(4));
  EXPECT_EQ(Ranges()[3], "");
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

TEST_F(Resume, ABlobThatIsAllThereIsNotRequested) {
  auto writer = *blobs_->Begin({"", digest_, static_cast<int64_t>(image_.layers[1].blob.size()), {}, {}},
                               BlobStore::Verify::kByCaller);
  ASSERT_TRUE(writer->Write(image_.layers[1].blob));
  writer.reset();
  auto pulled = PullAfterRestart();
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(Content(*pulled, 1, "big"), noise_);
  EXPECT_THAT(Ranges(), IsEmpty());
}

// The big layer is here before the small one, which is below it.
TEST_F(Resume, ALayerThatWaitedForTheOnesBelowItIsNotFetchedAgain) {
  answer_ = 0;
  FakeServer server([this](const FakeRequest& request) {
    FakeResponse response = Answer(request);
    if (request.target.ends_with(*Sha256Of(image_.layers[0].blob))) {
      while (!std::filesystem::exists(PartialFile()) ||
             std::filesystem::file_size(PartialFile()) < image_.layers[1].blob.size())
        usleep(1000);
      return FakeResponse{404, {}, "", -1, false};
    }
    return response;
  });
  EXPECT_FALSE(Pull(server.host() + "/app"));
  auto pulled = PullAfterRestart();
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(Content(*pulled, 1, "big"), noise_);
  EXPECT_THAT(Ranges(), IsEmpty()) << "at the second server";
}

TEST_F(Resume, ARefusalKeepsWhatThereIs) {
  FailToPull();
  for (int status : {401, 403, 404, 503}) {
    answer_ = status;
    EXPECT_FALSE(PullAfterRestart());
    EXPECT_TRUE(std::filesystem::exists(PartialFile())) << status;
  }
}

TEST_F(Resume, AnImageThatCannotBeUnpackedLeavesNoBlob) {
  answer_ = 0;
  TestLayer lying = image_.layers[1];
  lying.tar = "something else";
  image_ = TestImage::Make({lying});
  EXPECT_EQ(Pull(server_.host() + "/app").error().code, Code::kDataLoss);
  TestLayer hostile = GzipLayer(TarBuilder().File("../../evil", noise_).Finish());
  image_ = TestImage::Make({hostile});
  EXPECT_EQ(Pull(server_.host() + "/app").error().code, Code::kInvalidArgument);
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

// Sends a blob that is no archive, and is cancelled once the unpacker has refused it.
class RefusedBlob : public BlobSource {
 public:
  Result<> Send(const Descriptor&, BlobSink& sink) override {
    TRY(sink.Begin());
    const std::string piece(256 << 10, 'x');
    for (int i = 0; i < 100; ++i) TRY(sink.Write(piece));
    wanted = false;
    for (; after < 100; ++after) TRY(sink.Write(piece));
    return {};
  }

  std::atomic<bool> wanted = true;
  int after = 0;  // pieces that were taken nevertheless
};

// What an earlier pull has kept is read without requests, which would notice.
TEST_F(Resume, ABlobThatIsNotUnpackedAnyMoreEndsWhenThePullIsCancelled) {
  RefusedBlob source;
  Interrupt interrupt([&source] { return source.wanted.load(); });
  Descriptor blob{"", digest_, int64_t{1} << 30, {}, {}};
  TransferProgress progress;
  progress.Begin({blob});
  auto fetched = FetchLayer(source, layers_, {}, config_.unpack_program, digest_, blob, digest_, interrupt,
                            LayerMeter(progress, 0, std::make_shared<OngoingFetch>()));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kCancelled) << fetched.error().ToString();
  EXPECT_EQ(source.after, 0);
}

TEST_F(Resume, NothingIsKeptIfThatIsTurnedOff) {
  config_.retention.unfinished_ms = 0;
  Reopen();
  EXPECT_FALSE(Pull(server_.host() + "/app"));
  EXPECT_THAT(*blobs_->List(), IsEmpty());
  ExpectNothingLeft();
}

}  // namespace
}  // namespace davit::images
