// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/invocation.h"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/plain_name.h"
#include "cni/veth.h"

namespace davit::cni {
namespace {

constexpr char kStep[] = "read environment";
constexpr size_t kMaxContainerId = 128;

struct CommandNeeds {
  const char* name;
  Command command;
  bool attachment;  // CNI_CONTAINERID and CNI_IFNAME
  bool netns;
};

constexpr std::array<CommandNeeds, 6> kCommands = {{
    {"ADD", Command::kAdd, true, true},
    {"DEL", Command::kDel, true, false},
    {"CHECK", Command::kCheck, true, true},
    {"STATUS", Command::kStatus, false, false},
    {"GC", Command::kGc, false, false},
    {"VERSION", Command::kVersion, false, false},
}};

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool IsTrue(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return tolower(c); });
  return text == "1" || text == "true" || text == "t";
}

// What the specification allows. The length limit is ours: the id becomes a part of a file's name.
Result<> CheckContainerId(const std::string& id) {
  if (id.size() <= kMaxContainerId && IsPlainName(id)) return {};
  return Fail(Code::kInvalidArgument, kStep, "CNI_CONTAINERID " + id,
              "not 1 to 128 letters, digits, '_', '.' or '-'");
}

// As dev_valid_name() in the kernel.
Result<> CheckInterface(const std::string& name) {
  auto bad = [](unsigned char c) { return c == '/' || c == ':' || isspace(c); };
  if (!name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
      std::ranges::none_of(name, bad))
    return {};
  return Fail(Code::kInvalidArgument, kStep, "CNI_IFNAME " + name, "not a name of an interface");
}

Result<> ReadArgument(const std::string& key, const std::string& value, CniArgs& args, bool& unknown) {
  if (key == "IP") {
    for (const std::string& address : Split(value, ','))
      args.addresses.push_back(TRY(IpAddress::Parse(address.substr(0, address.find('/')))));
  } else if (key == "MAC") {
    args.mac = TRY(ParseMac(value));
  } else if (key != "IgnoreUnknown") {
    unknown = true;
  }
  return {};
}

Result<CniArgs> ReadArgs(const std::string& text) {
  CniArgs args;
  std::string unknown;
  bool ignore_unknown = false;
  for (const std::string& pair : Split(text, ';')) {
    size_t equals = pair.find('=');
    if (equals == pair.npos)
      return Fail(Code::kInvalidArgument, kStep, "CNI_ARGS " + text, pair + " has no value");
    std::string key = pair.substr(0, equals);
    bool is_unknown = false;
    if (Result<> read = ReadArgument(key, pair.substr(equals + 1), args, is_unknown); !read)
      return std::unexpected(Within("read CNI_ARGS", std::move(read).error()));
    if (key == "IgnoreUnknown") ignore_unknown = IsTrue(pair.substr(equals + 1));
    if (is_unknown) unknown += (unknown.empty() ? "" : ", ") + pair;
  }
  if (unknown.empty() || ignore_unknown) return args;
  return Fail(Code::kInvalidArgument, kStep, "CNI_ARGS", "unknown, without IgnoreUnknown: " + unknown);
}

Result<> CheckPresent(const Invocation& call, const CommandNeeds& needs) {
  std::string missing;
  auto require = [&](bool needed, const char* name, const std::string& value) {
    if (needed && value.empty()) missing += (missing.empty() ? "" : ",") + std::string(name);
  };
  require(needs.attachment, "CNI_CONTAINERID", call.container_id);
  require(needs.netns, "CNI_NETNS", call.netns);
  require(needs.attachment, "CNI_IFNAME", call.interface);
  if (missing.empty()) return {};
  return Fail(Code::kInvalidArgument, kStep, needs.name, "required env variables [" + missing + "] missing");
}

}  // namespace

std::string AttachmentKey(const std::string& container_id, const std::string& interface) {
  return interface == kPodInterface ? container_id : container_id + ":" + interface;
}

std::string Invocation::Key() const {
  return AttachmentKey(container_id, interface);
}

Result<Invocation> ReadInvocation(const Environment& environment) {
  std::string name = environment("CNI_COMMAND");
  if (name.empty())
    return Fail(Code::kInvalidArgument, kStep, "", "required env variables [CNI_COMMAND] missing");
  auto needs = std::ranges::find_if(kCommands, [&](const CommandNeeds& c) { return c.name == name; });
  if (needs == kCommands.end())
    return Fail(Code::kInvalidArgument, kStep, "CNI_COMMAND", "unknown CNI_COMMAND: " + name);
  Invocation call{.command = needs->command,
                  .container_id = environment("CNI_CONTAINERID"),
                  .netns = environment("CNI_NETNS"),
                  .interface = environment("CNI_IFNAME"),
                  .args = {},
                  .path = Split(environment("CNI_PATH"), ':'),
                  .own_netns_allowed = IsTrue(environment("CNI_NETNS_OVERRIDE"))};
  TRY(CheckPresent(call, *needs));
  if (!needs->attachment) return call;
  TRY(CheckContainerId(call.container_id));
  TRY(CheckInterface(call.interface));
  call.args = TRY(ReadArgs(environment("CNI_ARGS")));
  return call;
}

}  // namespace davit::cni
