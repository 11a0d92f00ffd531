// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/suggestion.h"
#include "cli/log_selection.h"
#include "cli/moment.h"
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
  EXPECT_EQ(RenderTemplate("{{.State}}", kValue), "map[Error:a\"b Pid:7]");
  EXPECT_EQ(nlohmann::json::parse(RenderTemplate("{{json .}}", kValue).value()), kValue);
  EXPECT_EQ(RenderTemplate("plain", kValue), "plain");
}

TEST(TemplateTest, NamesTheFieldsThatThereAre) {
  EXPECT_THAT(RenderTemplate("{{.Id}}", kValue).error().ToString(), HasSubstr("there are .ID, .State"));
  EXPECT_THAT(RenderTemplate("{{.ID.X}}", kValue).error().ToString(), HasSubstr("has no field .X"));
}

// Each with the character where it goes wrong, and why.
TEST(TemplateTest, ErrorsNameThePlaceAndTheReason) {
  struct Case {
    const char* text;
    const char* place;
    const char* why;
  };
  for (const Case& c :
       {Case{"x{{range .State}}", "{{range .State}}: at character 4", "{{end}} is missing"},
        Case{"{{.ID", "at character 1", "}} is missing"},
        Case{"{{}}", "at character 3", "a value is missing"},
        Case{"{{ID}}", "at character 3", "there is no function ID"},
        Case{"{{jsn .ID}}", "at character 3", "did you mean json?"},
        Case{"ab{{end}}", "at character 3", "without a block"},
        Case{"{{$x}}", "at character 3", "there is no variable $x"},
        Case{"{{(.ID}}", "at character 3", "not closed"},
        Case{"{{.ID | 5}}", "at character 9", "takes no arguments"},
        Case{"{{index .ID 1}}", "at character 3", "index: only lists and objects"},
        Case{"{{lt .ID 1}}", "at character 3", "lt: it cannot compare string and number"},
        Case{"{{\"a}}", "at character 3", "has no end"}, Case{"{{.ID ^}}", "at character 7", "unexpected ^"},
        Case{"{{template \"x\"}}", "at character 3", "template is not supported"}}) {
    auto rendered = RenderTemplate(c.text, kValue);
    ASSERT_FALSE(rendered) << c.text;
    EXPECT_EQ(rendered.error().code, Code::kInvalidArgument);
    EXPECT_THAT(rendered.error().ToString(), HasSubstr(c.place)) << c.text;
    EXPECT_THAT(rendered.error().ToString(), HasSubstr(c.why)) << c.text;
  }
}

const nlohmann::json kContainer = nlohmann::json::parse(R"({
  "Name": "/web",
  "Args": ["-g", "daemon off;"],
  "State": {"Running": true, "ExitCode": 0, "Health": null},
  "Config": {"Labels": {"com.example.a": "1", "b": "two"}, "Empty": []},
  "Mounts": [{"Source": "/a", "RW": true}, {"Source": "/b", "RW": false}],
  "NetworkSettings": {"Ports": {"80/tcp": [{"HostPort": "8080"}], "90/udp": null}}})");

std::string Render(const std::string& format) {
  auto text = RenderTemplate(format, kContainer);
  return text ? *text : "error: " + text.error().ToString();
}

TEST(TemplateTest, HasTheLanguageOfGo) {
  for (const auto& [format, text] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{{index .Config.Labels \"com.example.a\"}}", "1"},
           {"<{{index .Config.Labels \"none\"}}>", "<>"},
           {"{{index .Args 1}} {{index .Mounts 0 \"Source\"}}", "daemon off; /a"},
           {"{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "8080"},
           {"{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "b=two;com.example.a=1;"},
           {"{{range .Mounts}}{{.Source}}{{if .RW}}:rw{{else}}:ro{{end}} {{end}}", "/a:rw /b:ro "},
           {"{{range $i, $m := .Mounts}}{{if $i}}, {{end}}{{$m.Source}}{{end}}", "/a, /b"},
           {"{{range .Config.Empty}}x{{else}}none{{end}}", "none"},
           {"{{range .Args}}{{println .}}{{end}}", "-g\ndaemon off;\n"},
           {"{{if .State.Health}}{{.State.Health.Status}}{{else}}no check{{end}}", "no check"},
           {"{{if .State.Nothing}}x{{else if .State.Running}}up{{end}}", "up"},
           {"{{if and .State.Health (eq .State.Health.Status \"x\")}}a{{else}}b{{end}}", "b"},
           {"{{if not .State.ExitCode}}fine{{end}}", "fine"},
           {"{{or .State.Health \"fallback\"}}", "fallback"},
           {"{{with .Config.Labels}}{{.b}}{{end}} {{$.Name}}", "two /web"},
           {"{{len .Args}} {{len .Name}}", "2 4"},
           {"{{join .Args \",\"}} {{.Args | json}}", "-g,daemon off; [\"-g\",\"daemon off;\"]"},
           {"{{upper .Name}} {{lower \"ABC\"}} {{title \"a word\"}}", "/WEB abc A Word"},
           {"{{slice .Name 1 3}} {{truncate .Name 2}} <{{pad \"x\" 1 2}}>", "we /w < x  >"},
           {"{{split \"a:b:c\" \":\"}} {{index (split \"a:b\" \":\") 1}}", "[a b c] b"},
           {"{{eq .State.ExitCode 0}} {{ne 1 2}} {{eq \"a\" \"b\" \"a\"}}", "true true true"},
           {"{{lt 1 2}} {{ge 1 2}} {{le \"a\" \"b\"}} {{gt 2 1.5}}", "true false true true"},
           {"{{$x := .Name}}{{$y := 1}}{{$y = 2}}{{$x}} {{$y}}", "/web 2"},
           {"{{range .Args}}{{$x := .}}{{end}}{{printf \"%s|%5d|%-4s|%q|%v\" .Name 7 \"ab\" \"c\" true}}",
            "/web|    7|ab  |\"c\"|true"},
           {"{{printf \"%05d %x %.2f %t %%\" 42 255 1.5 false}}", "00042 ff 1.50 false %"},
           {"a {{- .Name -}} b", "a/webb"},
           {"a{{/* nothing */}}b {{- /* trims */ -}} c", "abc"},
           {"{{.Config.Labels.lacking}}", "<no value>"},
           {"{{.Args}} {{.Config.Labels}}", "[-g daemon off;] map[b:two com.example.a:1]"},
           {"{{print 1 2 \"a\"}} {{`raw\"`}} {{\"t\\tn\\u00e9\"}}", "1 2a raw\" t\tn\u00e9"},
           {"{{true}} {{nil}} {{-5}} {{1.5}}", "true <no value> -5 1.5"},
       })
    EXPECT_EQ(Render(format), text) << format;
}

TEST(TemplateTest, IsBounded) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "{{if .Name}}";
  EXPECT_THAT(Render(deep), HasSubstr("nested too deeply"));
  EXPECT_THAT(Render("{{" + std::string(1000, '(') + "}}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(Render(std::string(100'000, 'x')), HasSubstr("longer than 64 KiB"));
  nlohmann::json large = {{"List", nlohmann::json::array()}};
  for (int i = 0; i < 2000; ++i) large["List"].push_back("x");
  std::string loops = "{{range .List}}{{range $.List}}y{{end}}{{end}}";
  EXPECT_THAT(RenderTemplate(loops, large).error().ToString(), HasSubstr("too many steps"));
  large["Text"] = std::string(1 << 20, 'x');
  EXPECT_THAT(RenderTemplate("{{range .List}}{{$.Text}}{{end}}", large).error().ToString(),
              HasSubstr("longer than 16 MiB"));
}

TEST(TemplateTest, ALabelIsFoundByItsWholeName) {
  const nlohmann::json row = {{"Labels", "a.b=1"}};
  const std::map<std::string, std::string> labels = {{"a.b", "1,2"}};
  const Template label = Template::Parse("{{.Label \"a.b\"}}<{{.Label \"c\"}}>").value();
  EXPECT_EQ(label.Render(row, &labels), "1,2<>");
  EXPECT_FALSE(label.Render(row)) << "only rows have labels";
}

TEST(TemplateTest, MakesAHeader) {
  auto header = [](const std::string& format) {
    return Template::Parse(format).value().Header(HeaderOfField);
  };
  EXPECT_EQ(header("{{.ID}}\\t{{json .State.Pid}}"), "ID\tPID");
  EXPECT_EQ(header("{{upper .RunningFor}} {{if .X}}{{.Names}}{{end}}"), "RUNNING FOR NAMES");
  EXPECT_EQ(header("{{.Label \"com.a\"}}"), "COM.A");
  EXPECT_TRUE(Template::Parse("{{if .A}}{{json .B.Size}}{{end}}")->Names("Size"));
  EXPECT_FALSE(Template::Parse("{{.Sizes}}")->Names("Size"));
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
  EXPECT_THAT(Select({.until = "2026-01-02T03:04:06Z"}, {one, begin, end}), ElementsAre(one, begin));
  EXPECT_THAT(Select({.tail = 1, .until = "2026-01-02T03:04:05Z"}, {one, begin, end}), ElementsAre(one));
}

TEST(LogSelectionTest, TakesTimesAndAges) {
  constexpr int64_t kNow = 1'767'322'800'000'000'000;  // 2026-01-02T03:00:00Z
  EXPECT_EQ(ParseMoment("--since", "1h30m", kNow), "2026-01-02T01:30:00.000000000Z");
  EXPECT_EQ(ParseMoment("--since", "2026-01-02T03:04:05Z", kNow), "2026-01-02T03:04:05.000000000Z");
  EXPECT_EQ(ParseMoment("--since", "2026-01-02", kNow), "2026-01-02T00:00:00.000000000Z");
  EXPECT_EQ(ParseMoment("--since", "1767322800", kNow), "2026-01-02T03:00:00.000000000Z");
  EXPECT_EQ(ParseMoment("--since", "", kNow), "");
  EXPECT_EQ(ParseTimestamp("2024-05-01T02:00:00.25+02:00"), 1'714'521'600'250'000'000);
  for (const char* bad : {"yesterday", "10x", "-5m", "2026-13-45"})
    EXPECT_FALSE(ParseMoment("--since", bad, kNow)) << bad;
}

}  // namespace
}  // namespace davit::cli
