#!/usr/bin/perl
# mmdb.pl FILE LAYOUT [KEY=VALUE...]: writes an MMDB of the networks on standard input.
#
# Input: lines NETWORK ASN COUNTRY, where - stands for a value that is not there.
# Layouts:
#     asn      autonomous_system_number (MaxMind's GeoLite2-ASN)
#     country  country.iso_code (MaxMind's GeoLite2-Country)
#     flat     country_code and autonomous_system_number
#     ipinfo   country_code and asn: "AS174"
#     city     location.latitude: neither AS nor country
# Keys: epoch=SECONDS  ip_version=4|6  record_size=24|28|32  alias=0|1
use strict;
use warnings;

my ($file, $layout, @settings) = @ARGV;
my %set = (epoch => 1_700_000_000, ip_version => 6, record_size => 28, alias => 1,
    map { split /=/, $_, 2 } @settings);

# The writer stamps what it makes with the time of day; tests want to choose it.
BEGIN { *CORE::GLOBAL::time = sub { our $epoch // CORE::time() } }
our $epoch = $set{epoch};

require MaxMind::DB::Writer::Tree;

my %types = (
    country => 'map', iso_code => 'utf8_string', country_code => 'utf8_string',
    asn => 'utf8_string', autonomous_system_number => 'uint32',
    autonomous_system_organization => 'utf8_string', location => 'map', latitude => 'double',
);

my %record = (
    asn => sub { +{ $_[0] ne '-' ? (autonomous_system_number => $_[0]) : (),
        autonomous_system_organization => 'nobody' } },
    country => sub { +{ country => { $_[1] ne '-' ? (iso_code => $_[1]) : () } } },
    flat => sub { +{ $_[1] ne '-' ? (country_code => $_[1]) : (),
        $_[0] ne '-' ? (autonomous_system_number => $_[0]) : () } },
    ipinfo => sub { +{ $_[1] ne '-' ? (country_code => $_[1]) : (),
        $_[0] ne '-' ? (asn => "AS$_[0]") : () } },
    city => sub { +{ location => { latitude => 1.5 } } },
);
my $make = $record{$layout} or die "unknown layout $layout\n";

my $tree = MaxMind::DB::Writer::Tree->new(
    ip_version => $set{ip_version},
    record_size => $set{record_size},
    database_type => "Test-$layout",
    languages => ['en'],
    description => { en => 'made by a test' },
    alias_ipv6_to_ipv4 => $set{ip_version} == 6 && $set{alias} ? 1 : 0,
    remove_reserved_networks => 0,
    map_key_type_callback => sub { $types{ $_[0] } },
);
while (my $line = <STDIN>) {
    my ($network, $asn, $country) = split ' ', $line;
    $tree->insert_network($network, $make->($asn, $country)) if defined $country;
}
open my $out, '>:raw', $file or die "$file: $!\n";
$tree->write_tree($out);
close $out or die "$file: $!\n";
