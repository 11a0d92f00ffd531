// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/suggestion.h"
#include "cli/log_selection.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const nlohmann::json kValue = {{"ID", "c1"}, {"State", {{"Pid", 7}, {"Error", "a\"b"}}}};

TEST(TemplateTest, ReplacesFields) {
  EXPECT_EQ(RenderTemplate("{{.ID}}", kValue), "c1");
  EXPECT_EQ(RenderTemplate("<{{ .State.Pid }}>\\t{{.ID}}\\n", kValue), "<7>\tc1\n");
  EXPECT_EQ(RenderTemplate("{{.State.Error}}", kValue), "a\"b");
  EXPECT_EQ(RenderTemplate("{{json .State.Error}}", kValue), R"("a\"b")");
  EXPECT_EQ(RenderTemplate("{{json .State}}", kValue), RenderTemplate("{{.State}}", kValue).value());
  EXPECT_EQ(nlohmann::json::parse(RenderTemplate("{{json .}}", kValue).value()), kValue);
  EXPECT_EQ(RenderTemplate("plain", kValue), "plain");
}

TEST(TemplateTest, NamesTheFieldsThatThereAre) {
  EXPECT_THAT(RenderTemplate("{{.Id}}", kValue).error().ToString(), HasSubstr("there are .ID, .State"));
  EXPECT_THAT(RenderTemplate("{{.ID.X}}", kValue).error().ToString(), HasSubstr("has no field .X"));
  for (const char* bad : {"{{range .X}}", "{{.ID", "{{}}", "{{ID}}"})
    EXPECT_FALSE(RenderTemplate(bad, kValue)) << bad;
}

TEST(TemplateTest, MakesAHeader) {
  EXPECT_EQ(HeaderOfTemplate("{{.ID}}\\t{{json .State.Pid}}"), "ID\tPID");
}

TEST(SuggestionTest, IsTheNearestOrNothing) {
  EXPECT_EQ(Nearest("--nmae", {"--name", "--net", "--rm"}), "--name");
  EXPECT_EQ(Nearest("strat", {"start", "stop", "stats"}), "start");
  EXPECT_EQ(Nearest("--frobnicate", {"--name", "--rm"}), "");
}

TEST(DurationTextTest, IsDockers) {
  auto text = [](int64_t seconds) { return DurationText(seconds * 1'000'000'000); };
  EXPECT_EQ(DurationText(-5), "Less than a second");
  EXPECT_EQ(text(0), "Less than a second");
  EXPECT_EQ(text(1), "1 second");
  EXPECT_EQ(text(59), "59 seconds");
  EXPECT_EQ(text(60), "About a minute");
  EXPECT_EQ(text(120), "2 minutes");
  EXPECT_EQ(text(3600), "About an hour");
  EXPECT_EQ(text(3 * 3600), "3 hours");
  EXPECT_EQ(text(3 * 86400), "3 days");
  EXPECT_EQ(text(21 * 86400), "3 weeks");
  EXPECT_EQ(text(90 * 86400), "3 months");
  EXPECT_EQ(text(800 * 86400), "2 years");
}

std::vector<std::string> Select(const LogChoice& choice, const std::vector<std::string>& beginning,
                                const std::vector<std::string>& later = {}) {
  std::vector<std::string> lines;
  LogSelection selection(choice, [&lines](std::string_view line) -> Result<> {
    lines.emplace_back(line);
    return {};
  });
  for (const std::string& line : beginning) EXPECT_TRUE(selection.Add(line));
  EXPECT_TRUE(selection.EndBeginning());
  for (const std::string& line : later) EXPECT_TRUE(selection.Add(line));
  return lines;
}

TEST(LogSelectionTest, TheTailCountsLinesOfTheWorkload) {
  const std::string one = "2026-01-02T03:04:05Z stdout F one";
  const std::string begin = "2026-01-02T03:04:06Z stdout P tw";
  const std::string end = "2026-01-02T03:04:07Z stdout F o";
  EXPECT_THAT(Select({.tail = 1}, {one, begin, end}), ElementsAre(begin, end));
  EXPECT_THAT(Select({.tail = 0}, {one, begin, end}, {one}), ElementsAre(one));
  EXPECT_THAT(Select({.tail = 9}, {one}), ElementsAre(one));
  EXPECT_THAT(Select({.since = "2026-01-02T03:04:06"}, {one, begin, end}), ElementsAre(begin, end));
}

TEST(LogSelectionTest, TakesTimesAndAges) {
  constexpr int64_t kNow = 1'767'322'800'000'000'000;  // 2026-01-02T03:00:00Z
  EXPECT_EQ(ParseSince("1h30m", kNow), "2026-01-02T01:30:00.000000000Z");
  EXPECT_EQ(ParseSince("2026-01-02T03:04:05Z", kNow), "2026-01-02T03:04:05.000000000Z");
  EXPECT_EQ(ParseSince("2026-01-02", kNow), "2026-01-02T00:00:00.000000000Z");
  EXPECT_EQ(ParseSince("1767322800", kNow), "2026-01-02T03:00:00.000000000Z");
  EXPECT_EQ(ParseSince("", kNow), "");
  for (const char* bad : {"yesterday", "10x", "-5m", "2026-13-45"})
    EXPECT_FALSE(ParseSince(bad, kNow)) << bad;
}

}  // namespace
}  // namespace davit::cli
