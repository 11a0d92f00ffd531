// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/proxy_settings.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/number.h"

namespace davit::images {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

std::string Variable(const ProxySettings::Environment& environment, const std::string& name) {
  std::string value = environment(name.c_str());
  return value.empty() ? environment(Lower(name).c_str()) : value;
}

bool IsProxyUrl(const std::string& text) {
  std::unique_ptr<CURLU, void (*)(CURLU*)> handle(curl_url(), curl_url_cleanup);
  if (!handle ||
      curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return false;
  std::string scheme = Lower(text.substr(0, text.find("://")));
  for (const char* known : {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}) {
    if (scheme == known) return true;
  }
  return false;
}

Result<std::string> ReadProxy(const ProxySettings::Environment& environment, const std::string& name) {
  std::string value = Variable(environment, name);
  std::string used = name;
  if (value.empty()) value = Variable(environment, used = "ALL_PROXY");
  if (value.empty()) return value;
  auto proxy = ParseProxy(std::move(value));
  if (!proxy) return Fail(Code::kFailedPrecondition, "read environment", used, proxy.error().context);
  return proxy;
}

// Network byte order: 4 or 16 bytes. Empty if `text` is not an IP address.
std::string AddressBytes(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::string name(text);
  std::string bytes(sizeof(in6_addr), '\0');
  if (inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(sizeof(in_addr));
  return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ? bytes : "";
}

bool IsInNetwork(const std::string& address, std::string_view network) {
  size_t slash = network.find('/');
  std::string base = AddressBytes(network.substr(0, slash));
  std::string_view length = network.substr(slash + 1);
  std::optional<size_t> bits = WholeNumber<size_t>(length);
  if (!bits || *bits > base.size() * 8 || base.empty() || base.size() != address.size()) return false;
  for (size_t i = 0; i < *bits; ++i) {
    int mask = 0x80 >> (i % 8);
    if ((base[i / 8] & mask) != (address[i / 8] & mask)) return false;
  }
  return true;
}

}  // namespace

Result<std::string> ParseProxy(std::string text) {
  if (text.find("://") == std::string::npos) text.insert(0, "http://");
  if (!IsProxyUrl(text)) return Fail(Code::kInvalidArgument, "", "", "not the URL of a proxy");
  return text;
}

Result<ProxySettings> ProxySettings::Read(const Environment& environment) {
  ProxySettings settings;
  settings.http_ = TRY(ReadProxy(environment, "HTTP_PROXY"));
  settings.https_ = TRY(ReadProxy(environment, "HTTPS_PROXY"));
  std::string list = Variable(environment, "NO_PROXY");
  constexpr std::string_view kSeparators = ", \t";
  for (size_t at = list.find_first_not_of(kSeparators); at < list.size();) {
    size_t end = std::min(list.find_first_of(kSeparators, at), list.size());
    settings.exceptions_.push_back(ParseException(std::string_view(list).substr(at, end - at)));
    at = list.find_first_not_of(kSeparators, end);
  }
  return settings;
}

Result<ProxySettings> ProxySettings::OfThisProcess() {
  return Read([](const char* name) {
    const char* value = std::getenv(name);  // nothing in this process changes the environment
    return std::string(value ? value : "");
  });
}

ProxySettings::Exception ProxySettings::ParseException(std::string_view text) {
  Exception exception;
  bool bare_v6 = AddressBytes(text).size() == sizeof(in6_addr) && !text.starts_with('[');
  size_t colon = text.rfind(':');
  bool has_port =
      !bare_v6 && colon != text.npos && text.find(']', colon) == text.npos && text.find('/') == text.npos;
  exception.name = Lower(text.substr(0, has_port ? colon : text.npos));
  if (has_port) exception.port = text.substr(colon + 1);
  if (exception.name.starts_with("*.")) exception.name.erase(0, 1);
  if (exception.name.starts_with('.')) {
    exception.itself = false;
    exception.name.erase(0, 1);
  }
  return exception;
}

bool ProxySettings::Matches(const Exception& exception, const Url& url) {
  if (!exception.port.empty() && exception.port != url.port) return false;
  if (exception.name == "*") return true;
  std::string address = AddressBytes(url.host);
  if (exception.name.find('/') != std::string::npos) return IsInNetwork(address, exception.name);
  if (!address.empty()) return AddressBytes(exception.name) == address;
  if (exception.name.empty()) return false;
  return (exception.itself && url.host == exception.name) || url.host.ends_with("." + exception.name);
}

std::string ProxySettings::For(const Url& url) const {
  if (IsLoopback(url.host)) return "";
  bool direct = std::ranges::any_of(exceptions_, [&](const Exception& e) { return Matches(e, url); });
  if (direct) return "";
  return url.scheme == "https" ? https_ : http_;
}

}  // namespace davit::images
