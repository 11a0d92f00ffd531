// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/pod_files.h"

#include <arpa/inet.h>

#include "base/file_io.h"
#include "cri/spec/field.h"
#include "cri/spec/sandbox_plan.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;
using Strings = google::protobuf::RepeatedPtrField<std::string>;

constexpr char kLoopback[] =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "ff00::0\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

// A link-local server may name its interface: fe80::1%eth0.
bool IsAddress(const std::string& text) {
  in6_addr address;
  std::string bare = text.substr(0, text.find('%'));
  if (inet_pton(AF_INET6, bare.c_str(), &address) == 1) return true;
  return bare == text && inet_pton(AF_INET, text.c_str(), &address) == 1;
}

Result<> CheckWords(std::string_view field, const Strings& words) {
  for (const std::string& word : words) {
    for (char c : word) {
      if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
        return BadField(field, word, "contains white space");
    }
    if (word.empty()) return BadField(field, word, "is empty");
  }
  return {};
}

void AppendLine(std::string& text, const char* keyword, const Strings& words) {
  if (words.empty()) return;
  text += keyword;
  for (const std::string& word : words) text.append(" ").append(word);
  text += "\n";
}

bool IsEmpty(const v1::DNSConfig& dns) {
  return dns.servers().empty() && dns.searches().empty() && dns.options().empty();
}

// A host without the file is one with an empty file.
Result<std::string> HostFile(const std::string& path) {
  Result<std::string> text = ReadFile(path);
  if (!text && text.error().code == Code::kNotFound) return std::string();
  return text;
}

}  // namespace

std::string HostsFile(const std::string& hostname, const std::vector<std::string>& addresses) {
  std::string text = kLoopback;
  for (const std::string& address : addresses)
    text.append(address).append("\t").append(hostname).append("\n");
  return text;
}

Result<std::string> ResolvConf(const v1::DNSConfig& dns) {
  TRY(CheckWords("config.dns_config.servers", dns.servers()));
  TRY(CheckWords("config.dns_config.searches", dns.searches()));
  TRY(CheckWords("config.dns_config.options", dns.options()));
  std::string text;
  AppendLine(text, "search", dns.searches());
  for (const std::string& server : dns.servers()) {
    if (!IsAddress(server)) return BadField("config.dns_config.servers", server, "is not an address");
    text.append("nameserver ").append(server).append("\n");
  }
  AppendLine(text, "options", dns.options());
  return text;
}

Result<PodFileContents> RenderPodFiles(const v1::PodSandboxConfig& config,
                                       const std::vector<std::string>& addresses) {
  bool host_network = config.linux().security_context().namespace_options().network() == v1::NODE;
  std::string hostname = HostnameOf(config);
  PodFileContents contents;
  contents.hostname = hostname + "\n";
  contents.hosts = host_network ? TRY(HostFile("/etc/hosts")) : HostsFile(hostname, addresses);
  contents.resolv_conf =
      IsEmpty(config.dns_config()) ? TRY(HostFile("/etc/resolv.conf")) : TRY(ResolvConf(config.dns_config()));
  return contents;
}

}  // namespace davit::cri
