// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/layer_lines.h"

#include <gmock/gmock.h>

namespace davit::cli {
namespace {

using ::davit::v1::LayerProgress;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct State {
  uint32_t index;
  LayerProgress::State state;
  int64_t received = 0;
};

LayerChanges Message(const std::vector<State>& states, char first_digit = 'a') {
  LayerChanges message;
  for (const State& state : states) {
    LayerProgress* layer = message.Add();
    layer->set_digest("sha256:" + std::string(64, static_cast<char>(first_digit + state.index)));
    layer->set_index(state.index);
    layer->set_state(state.state);
    layer->set_received(state.received);
    layer->set_size(50'000'000);
  }
  return message;
}

TEST(LayerLinesTest, ChangesOfStateAreReportedOnce) {
  LayerLines lines(Transfer::kPull);
  EXPECT_THAT(lines.Apply(Message({{0, LayerProgress::EXISTS}, {1, LayerProgress::WAITING}}), 0),
              ElementsAre(0, 1));
  EXPECT_THAT(lines.Apply(Message({{1, LayerProgress::DOWNLOADING}}), 0), ElementsAre(1));
  EXPECT_THAT(lines.Apply(Message({{1, LayerProgress::DOWNLOADING, 7}}), 0), IsEmpty());
  EXPECT_THAT(lines.Apply(Message({{1, LayerProgress::DONE}}), 0), ElementsAre(1));
  EXPECT_EQ(lines.Plain(0), "aaaaaaaaaaaa: Already exists");
  EXPECT_EQ(lines.Plain(1), "bbbbbbbbbbbb: Pull complete");
}

TEST(LayerLinesTest, AnotherManifestReplacesTheLayers) {
  LayerLines lines(Transfer::kPull);
  lines.Apply(Message({{0, LayerProgress::DONE}, {1, LayerProgress::DONE}}), 0);
  EXPECT_THAT(lines.Apply(Message({{0, LayerProgress::WAITING}}, 'x'), 0), ElementsAre(0));
  EXPECT_THAT(lines.ForTerminal({}, 0), ElementsAre("xxxxxxxxxxxx: Waiting"));
}

TEST(LayerLinesTest, AnIndexOutOfOrderIsIgnored) {
  LayerLines lines(Transfer::kPull);
  EXPECT_THAT(lines.Apply(Message({{4'000'000'000u, LayerProgress::DONE}}, '\0'), 0), IsEmpty());
  EXPECT_THAT(lines.ForTerminal({}, 0), IsEmpty());
}

TEST(LayerLinesTest, EachTransferHasDockersWords) {
  auto plain = [](Transfer transfer, LayerProgress::State state) {
    LayerLines lines(transfer);
    lines.Apply(Message({{0, state}}), 0);
    return lines.Plain(0).substr(14);
  };
  EXPECT_EQ(plain(Transfer::kPush, LayerProgress::UPLOADING), "Pushing");
  EXPECT_EQ(plain(Transfer::kPush, LayerProgress::DONE), "Pushed");
  EXPECT_EQ(plain(Transfer::kPush, LayerProgress::EXISTS), "Layer already exists");
  EXPECT_EQ(plain(Transfer::kPush, LayerProgress::MOUNTED), "Mounted from another repository");
  EXPECT_EQ(plain(Transfer::kLoad, LayerProgress::DOWNLOADING), "Loading layer");
  EXPECT_EQ(plain(Transfer::kLoad, LayerProgress::DONE), "Loaded");
}

// The archive on standard input.
TEST(LayerLinesTest, AnUnknownSizeHasNoBar) {
  LayerLines lines(Transfer::kLoad);
  auto message = Message({{0, LayerProgress::UPLOADING, 25'000'000}});
  message.Mutable(0)->set_size(0);
  lines.Apply(message, 0);
  EXPECT_THAT(lines.ForTerminal({.columns = 200, .rows = 24}, 0),
              ElementsAre("aaaaaaaaaaaa: Reading  25.0 MB  0 B/s"));
}

TEST(LayerLinesTest, ALineHasWhatFits) {
  LayerLines lines(Transfer::kPull);
  lines.Apply(Message({{0, LayerProgress::DOWNLOADING, 0}}), 0);
  lines.Apply(Message({{0, LayerProgress::DOWNLOADING, 25'000'000}}), 1000);
  auto at = [&](size_t columns) { return lines.ForTerminal({.columns = columns, .rows = 24}, 1000).at(0); };
  EXPECT_EQ(at(200), "aaaaaaaaaaaa: Downloading  [" + std::string(25, '=') + ">" + std::string(24, ' ') +
                         "]  25.0 MB/50.0 MB  25.0 MB/s");
  EXPECT_THAT(at(80), AllOf(HasSubstr("=>"), EndsWith("25.0 MB/s"), SizeIs(79)));
  EXPECT_EQ(at(60), "aaaaaaaaaaaa: Downloading  25.0 MB/50.0 MB  25.0 MB/s");
  EXPECT_EQ(at(45), "aaaaaaaaaaaa: Downloading  25.0 MB/50.0 MB");
}

TEST(LayerLinesTest, FewRowsShowTheLayersInProgress) {
  LayerLines lines(Transfer::kPull);
  std::vector<State> states;
  for (uint32_t i = 0; i < 20; ++i) states.push_back({i, LayerProgress::WAITING});
  states[3].state = LayerProgress::DONE;
  states[7].state = LayerProgress::DOWNLOADING;
  states[8].state = LayerProgress::UNPACKING;
  lines.Apply(Message(states), 0);
  EXPECT_THAT(lines.ForTerminal({.columns = 80, .rows = 21}, 0), SizeIs(20));
  auto few = lines.ForTerminal({.columns = 80, .rows = 10}, 0);
  ASSERT_THAT(few, SizeIs(3));
  EXPECT_THAT(few[0], HasSubstr("hhhhhhhhhhhh: Downloading"));
  EXPECT_EQ(few[2], "1 layers complete, 17 more to come");
  EXPECT_THAT(lines.ForTerminal({.columns = 80, .rows = 3}, 0), SizeIs(2)) << "one in progress does not fit";
  EXPECT_THAT(lines.ForTerminal({.columns = 80, .rows = 1}, 0), SizeIs(1));
}

TEST(LayerLinesTest, AHostileDigestDoesNotReachTheTerminal) {
  LayerLines lines(Transfer::kPull);
  auto message = Message({{0, LayerProgress::DOWNLOADING, -5}});
  message.Mutable(0)->set_digest("\x1b[2J\n");
  message.Mutable(0)->set_size(-1);
  lines.Apply(message, 0);
  EXPECT_THAT(lines.ForTerminal({}, 0), Each(Not(HasSubstr("\x1b"))));
  EXPECT_THAT(lines.Plain(0), Not(HasSubstr("\n")));
}

TEST(RateTest, IsThatOfTheLastSeconds) {
  Rate rate;
  EXPECT_EQ(rate.BytesPerSecond(0), 0u);
  for (int64_t t = 0; t <= 10'000; t += 100) rate.Add(t < 5000 ? t : 5000 + (t - 5000) * 3, t);
  EXPECT_EQ(rate.BytesPerSecond(10'000), 3000u);
}

TEST(RateTest, FallsWhenNothingArrives) {
  Rate rate;
  rate.Add(0, 0);
  rate.Add(1000, 1000);
  EXPECT_EQ(rate.BytesPerSecond(1000), 1000u);
  EXPECT_EQ(rate.BytesPerSecond(2000), 500u);
  EXPECT_EQ(rate.BytesPerSecond(9000), 0u);
}

TEST(RateTest, StartsAgainWithTheBlob) {
  Rate rate;
  rate.Add(0, 0);
  rate.Add(9000, 1000);
  rate.Add(0, 1100);
  rate.Add(500, 2100);
  EXPECT_EQ(rate.BytesPerSecond(2100), 500u);
}

}  // namespace
}  // namespace davit::cli
