// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/blob_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "images/testing/blob_recorder.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;

const std::string kBlob = "0123456789abcdef";

class Stream : public ::testing::Test {
 protected:
  // An attempt at `host`, which sends `text` as the object's bytes from `first` on. `whole`: the answer ends
  // properly.
  Attempted<> Send(size_t host, size_t first, const std::string& text, bool whole = true) {
    if (auto started = stream_.StartAttempt(host); !started) return started;
    Result<> sent;
    if (!text.empty()) sent = stream_.Begin(static_cast<int64_t>(first));
    for (size_t i = 0; sent && i < text.size(); i += 3)
      sent = stream_.Write(std::string_view(text).substr(i, 3));
    if (!sent) return stream_.EndAttempt(std::unexpected(sent.error()));
    if (!whole) return stream_.EndAttempt(Broken());
    return stream_.EndAttempt({});
  }
  static Attempted<> Broken() { return std::unexpected(Fail(Code::kDataLoss, "talk to", "host", "closed")); }

  BlobRecorder sink_;
  Descriptor descriptor_{"", *Sha256Of(kBlob), static_cast<int64_t>(kBlob.size()), std::nullopt, {}};
  BlobStream stream_{descriptor_, sink_};
};

TEST_F(Stream, GoesOnAfterACutAtEveryByte) {
  for (size_t cut = 0; cut < kBlob.size(); ++cut) {
    BlobRecorder sink;
    BlobStream stream(descriptor_, sink);
    ASSERT_TRUE(stream.StartAttempt(0));
    ASSERT_TRUE(stream.Begin(0));
    ASSERT_TRUE(stream.Write(std::string_view(kBlob).substr(0, cut)));
    auto setback = stream.EndAttempt(Broken());
    ASSERT_FALSE(setback);
    EXPECT_EQ(setback.error().outcome, Outcome::kCut);
    EXPECT_EQ(setback.error().progress, static_cast<int64_t>(cut));
    EXPECT_EQ(stream.position(), static_cast<int64_t>(cut));
    ASSERT_TRUE(stream.StartAttempt(0));
    ASSERT_TRUE(stream.Begin(stream.position()));
    ASSERT_TRUE(stream.Write(std::string_view(kBlob).substr(cut)));
    EXPECT_TRUE(stream.EndAttempt({}));
    EXPECT_EQ(sink.text, kBlob);
    EXPECT_EQ(sink.begins, 1) << "the consumer does not notice";
  }
}

TEST_F(Stream, IsCompleteIfTheConnectionBreaksAfterTheLastByte) {
  EXPECT_TRUE(Send(0, 0, kBlob, /*whole=*/false));
}

TEST_F(Stream, SkipsBytesThatItHas) {
  EXPECT_FALSE(Send(0, 0, kBlob.substr(0, 7), /*whole=*/false));
  EXPECT_FALSE(Send(0, 5, kBlob.substr(5, 1), /*whole=*/false)) << "less than there was";
  EXPECT_EQ(sink_.text, kBlob.substr(0, 7));
  EXPECT_TRUE(Send(0, 0, kBlob)) << "Range ignored";
  EXPECT_EQ(sink_.text, kBlob);
}

TEST_F(Stream, RefusesAGap) {
  EXPECT_FALSE(Send(0, 0, kBlob.substr(0, 7), /*whole=*/false));
  auto gap = Send(0, 8, kBlob.substr(8));
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().outcome, Outcome::kRefused);
  EXPECT_TRUE(Send(1, 7, kBlob.substr(7)));
}

TEST_F(Stream, AnAnswerThatEndsEarlyIsACut) {
  auto early = Send(0, 0, kBlob.substr(0, 7));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().outcome, Outcome::kCut);
  EXPECT_EQ(early.error().error.code, Code::kDataLoss);
  EXPECT_THAT(early.error().error.ToString(), HasSubstr("7 of 16"));
}

TEST_F(Stream, ALongerBlobIsRefused) {
  auto longer = Send(0, 0, kBlob + "x");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().outcome, Outcome::kRefused);
  EXPECT_EQ(longer.error().error.code, Code::kDataLoss);
}

TEST_F(Stream, WrongContentIsRefusedAndFetchedAgainFromTheFirstByte) {
  auto wrong = Send(0, 0, "0123456789ABCDEF");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().outcome, Outcome::kRefused);
  EXPECT_TRUE(Send(1, 0, kBlob));
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_EQ(sink_.begins, 2);
}

TEST_F(Stream, AfterAMixtureThatIsWrongEachHostIsTriedAlone) {
  EXPECT_FALSE(Send(0, 0, "WRONG", /*whole=*/false));
  auto mixed = Send(1, 5, kBlob.substr(5));
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().outcome, Outcome::kCut) << "either may be the culprit";
  EXPECT_FALSE(Send(0, 0, "WRONG", /*whole=*/false));
  ASSERT_TRUE(stream_.StartAttempt(1));
  EXPECT_EQ(stream_.position(), 0);
  EXPECT_TRUE(Send(1, 0, kBlob));
}

TEST_F(Stream, BytesThatWereThereBeforeAreNoProgress) {
  EXPECT_EQ(Send(0, 0, "01WRONG89", /*whole=*/false).error().progress, 9);
  EXPECT_EQ(Send(1, 9, kBlob.substr(9)).error().progress, 7);
  EXPECT_EQ(Send(0, 0, kBlob.substr(0, 9), /*whole=*/false).error().progress, 9)
      << "once more from the start";
  EXPECT_EQ(Send(1, 0, kBlob.substr(0, 8), /*whole=*/false).error().progress, 0);
}

TEST_F(Stream, GoesOnAfterWhatTheSinkHasKept) {
  sink_.kept = kBlob.substr(0, 7);
  ASSERT_TRUE(stream_.StartAttempt(0));
  EXPECT_FALSE(stream_.verified());
  EXPECT_EQ(stream_.position(), 7);
  EXPECT_EQ(sink_.text, kBlob.substr(0, 7));
  EXPECT_EQ(Send(0, 7, kBlob.substr(7, 2), /*whole=*/false).error().progress, 2);
  EXPECT_TRUE(Send(1, 9, kBlob.substr(9)));
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_EQ(sink_.begins, 1);
  EXPECT_EQ(sink_.discards, 0);
}

TEST_F(Stream, AsksForNothingIfTheSinkHasKeptAll) {
  sink_.kept = kBlob;
  ASSERT_TRUE(stream_.StartAttempt(0));
  EXPECT_TRUE(stream_.verified());
  EXPECT_TRUE(stream_.EndAttempt({}));
  EXPECT_EQ(sink_.text, kBlob);
}

TEST_F(Stream, WrongKeptBytesAreDiscardedAndNoHostIsBlamed) {
  sink_.kept = "WRONG";
  auto mixed = Send(0, 5, kBlob.substr(5));
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().outcome, Outcome::kCut);
  EXPECT_EQ(sink_.discards, 1);
  EXPECT_FALSE(Send(0, 0, kBlob.substr(0, 3), /*whole=*/false));
  EXPECT_TRUE(Send(1, 3, kBlob.substr(3))) << "hosts may be joined";
  EXPECT_EQ(sink_.text, kBlob);
}

TEST_F(Stream, AWholeBlobThatWasKeptWrongIsFetchedFromTheFirstByte) {
  for (const std::string& wrong : {std::string("0123456789ABCDEF"), "WRONG" + kBlob}) {
    BlobRecorder sink;
    sink.kept = wrong;
    BlobStream stream(descriptor_, sink);
    ASSERT_TRUE(stream.StartAttempt(0));
    EXPECT_FALSE(stream.verified());
    EXPECT_EQ(stream.position(), 0);
    ASSERT_TRUE(stream.Begin(0));
    ASSERT_TRUE(stream.Write(kBlob));
    EXPECT_TRUE(stream.EndAttempt({}));
    EXPECT_EQ(sink.text, kBlob);
  }
}

TEST_F(Stream, BytesThatCannotBeJoinedAreDiscarded) {
  EXPECT_FALSE(Send(0, 0, "WRONG", /*whole=*/false));
  EXPECT_FALSE(Send(1, 5, kBlob.substr(5)));
  EXPECT_EQ(sink_.discards, 1);
  EXPECT_FALSE(Send(0, 0, "WRONG", /*whole=*/false));
  ASSERT_TRUE(stream_.StartAttempt(1));
  EXPECT_EQ(sink_.discards, 2);
}

TEST_F(Stream, AFailureOfTheConsumerIsNoHostsFault) {
  sink_.full = true;
  auto failed = Send(0, 0, kBlob);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().outcome, Outcome::kLocal);
  EXPECT_EQ(stream_.local_error()->code, Code::kResourceExhausted);
}

TEST_F(Stream, AnEmptyBlobIsAsked) {
  Descriptor empty{"", *Sha256Of(""), 0, std::nullopt, {}};
  BlobStream stream(empty, sink_);
  ASSERT_TRUE(stream.StartAttempt(0));
  EXPECT_FALSE(stream.EndAttempt(Broken()));
  ASSERT_TRUE(stream.StartAttempt(0));
  EXPECT_TRUE(stream.EndAttempt({}));
}

}  // namespace
}  // namespace davit::images
