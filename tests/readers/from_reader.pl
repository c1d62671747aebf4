#!/usr/bin/perl
# from_reader.pl MODULE: reads a From field, in hexadecimal, from each line of standard input and
# prints a JSON list of [display name, address] as Email::Address::XS or Mail::Address has it.
use strict;
use warnings;
use JSON::PP;

my $module = shift;
eval "require $module" or die $@;
$| = 1;
while (my $line = <STDIN>) {
	chomp $line;
	my $field = pack 'H*', $line;
	my @found = eval {
		local $SIG{__WARN__} = sub { };
		local $SIG{ALRM} = sub { die "it does not come to an end\n" };
		alarm 5;
		my @list = $module->parse($field);
		push @list, $module->parse_bare_address($field) if $module eq 'Email::Address::XS';
		alarm 0;
		map { [$_->phrase, $_->address] } grep { $_ } @list;
	};
	utf8::decode($_) for grep { defined } map { @$_ } @found;
	print JSON::PP->new->ascii->encode(\@found), "\n";
}
