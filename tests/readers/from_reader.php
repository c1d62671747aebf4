<?php
/* from_reader.php: reads a From field, in hexadecimal, from each line of standard input and prints a
 * JSON list of [display name, address] as PHP's mailparse has it, without its warnings. */
function read_addresses($text)
{
	$found = [];
	foreach (@mailparse_rfc822_parse_addresses($text) as $address) {
		$found[] = [$address["display"], $address["is_group"] ? "" : $address["address"]];
		if ($address["is_group"]) /* ":a@x.example,b@y.example;" */
			$found = array_merge($found, read_addresses(trim($address["address"], ":;")));
	}
	return $found;
}

while (($line = fgets(STDIN)) !== false)
	echo json_encode(read_addresses(hex2bin(trim($line))), JSON_INVALID_UTF8_SUBSTITUTE), "\n";
